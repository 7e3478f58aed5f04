"""The value, modulo 5, of an expression with brackets.

    python -m seqjax.train --config configs/bracket_arithmetic.py:lstm
    python -m seqjax.train --config configs/bracket_arithmetic.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. On one CPU core, after 1,000 steps of 32 examples (20
seconds, and as long to compile), `lstm` has 42.0% of the values right, and 29.7% of those of longer
expressions, from which other mixers of `experiments/long_range` cannot be told apart.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import BracketArithmeticConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    model = partial(sized, pool="last")
    return of_probe(preset, "bracket_arithmetic", BracketArithmeticConfig(), sized=model)
