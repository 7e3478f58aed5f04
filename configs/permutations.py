"""Word problems of S5 or A5: the product of permutations so far, at every step.

    python -m seqjax.train --config configs/permutations.py:lstm
    python -m seqjax.train --config configs/permutations.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. Hard: after 1,000 steps none of six mixers leaves
chance. `experiments/long_range` has those of A5 up to 6 steps, which tell mixers apart: after 4,000
steps (4 minutes on one CPU core) `lstm` has 54 to 96% of the products right, by the seed.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import PermutationsConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    model = partial(sized, pool="none")
    return of_probe(preset, "permutations", PermutationsConfig(), epochs=20, sized=model)
