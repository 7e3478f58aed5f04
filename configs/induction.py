"""Induction: what came after the special token, when it comes again.

    python -m seqjax.train --config configs/induction.py:lstm
    python -m seqjax.train --config configs/induction.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. On one CPU core, after 1,000 steps at a learning rate
of 0.001, `lstm` (1.6 minutes) and `transformer` (4.3) recall everything, and 93% and 32% on
sequences of four times the length (seed 0); `experiments/long_range` has all mixers.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import InductionConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    model = partial(sized, pool="none")
    return of_probe(preset, "induction", InductionConfig(), sized=model)
