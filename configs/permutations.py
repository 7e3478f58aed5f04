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
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="permutations",
        preset=preset,
        task="permutations",
        data=PermutationsConfig(),
        optimizer=OptimizerConfig(
            learning_rate=3e-3, schedule="cosine", warmup_steps=100, clip_norm=1.0
        ),
        train=TrainConfig(epochs=20, batch_size=64),
    )
    model = partial(sized, pool="none")
    return from_preset(preset, base, models={}, sized=model, size="tiny")
