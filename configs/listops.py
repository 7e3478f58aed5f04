"""The value of nested lists of digits (ListOps).

    python -m seqjax.train --config configs/listops.py:lstm
    python -m seqjax.train --config configs/listops.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. On one CPU core, after 1,000 steps of 32 examples (20
seconds, and as long to compile), `lstm` has 59.1% of the values right, and 38.7% of those of longer
lists; `experiments/long_range` has other mixers.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import ListOpsConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    model = partial(sized, pool="last")
    return of_probe(preset, "listops", ListOpsConfig(), sized=model)
