"""Sentiment of short sentences, trained on their phrases: SST-2.

    python -m seqjax.train --config configs/sst2.py:lstm

downloads GLUE's SST-2 (67,349 phrases of the Stanford Sentiment Treebank, and 872 sentences that
stand for validation and test, since the labels of GLUE's test are not public). The treebank's own
files, which have the 1,821 test sentences too, are read by

    python -m seqjax.train --config configs/sst2.py:lstm --config.data.source=trees \\
        --config.data.train=train.txt --config.data.valid=dev.txt --config.data.test=test.txt

Every word is the model of `size=tiny` unless another size is named. With the treebank's files, on
two busy CPU cores, seed 0, `lstm` has 82.7% of the validation and 83.4% of the test sentences right
after 2 minutes; a bidirectional one (`experiments/applications`) 85.4% and 84.8% after 4.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="sst2",
        preset=preset,
        data=LabelledTextConfig(
            source="tfds:glue/sst2",
            train="train",
            valid="validation",
            test="validation",
            text_column="sentence",
            vocabulary_size=8_000,
            max_length=64,
        ),
        optimizer=OptimizerConfig(learning_rate=3e-3, schedule="cosine", clip_norm=1.0),
        train=TrainConfig(epochs=2, batch_size=64, log_every=200),
    )
    model = partial(sized, pool="mean", causal=False, dropout=0.5)
    return from_preset(preset, base, models={}, sized=model, size="tiny")
