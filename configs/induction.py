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
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="induction",
        preset=preset,
        task="induction",
        data=InductionConfig(),
        optimizer=OptimizerConfig(
            learning_rate=3e-3, schedule="cosine", warmup_steps=100, clip_norm=1.0
        ),
        train=TrainConfig(epochs=10, batch_size=64),
    )
    model = partial(sized, pool="none")
    return from_preset(preset, base, models={}, sized=model, size="tiny")
