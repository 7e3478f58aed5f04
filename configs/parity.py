"""Parity of the bits so far, at every step.

    python -m seqjax.train --config configs/parity.py:lstm
    python -m seqjax.train --config configs/parity.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. On one CPU core, after 1,000 steps (half a minute) at
a learning rate of 0.003, `lstm` is right at every step of ten times the training length too (seed
0), where `transformer` is right at 54%; `experiments/long_range` has all mixers and more seeds, of
which one LSTM is not yet right. After 3,000 steps (1.2 minutes) three seeds of three are.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import ParityConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    model = partial(sized, pool="none")
    return of_probe(preset, "parity", ParityConfig(), sized=model)
