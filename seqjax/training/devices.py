"""The devices of a run."""

import math

import jax

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.distributed.cores import may_use_fewer
from seqjax.tasks import make_task
from seqjax.training.config import Config

# From how many steps on sharing a batch among two cores was faster, measured at 64 and 256; a mixer
# that is not named was not. A shorter step is over before its devices have exchanged gradients.
SHARED_STEPS = {
    **dict.fromkeys(("lstm", "gru", "ssd", "gated_deltanet", "attention"), 64),
    **dict.fromkeys(("rnn", "mingru", "lru", "rglru"), 256),
}


def devices_of_run(config: Config, facts: DataFacts) -> list[jax.Device]:
    """All devices; of a CPU that was divided unasked one alone, where more are not faster."""
    devices = jax.devices()
    if devices[0].platform != "cpu" or not may_use_fewer(config.mesh):
        return devices
    mixers = {mixer for stack in models.stacks(config.model) for mixer in stack.pattern}
    # Rows are mostly far shorter than the longest one.
    mean_length = facts.splits["train"].mean_length or math.inf
    steps = min(make_task(config.task).steps(facts), mean_length)
    shared = any(steps >= SHARED_STEPS.get(mixer, math.inf) for mixer in mixers)
    return devices if shared else devices[:1]
