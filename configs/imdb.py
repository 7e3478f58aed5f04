"""Sentiment of long film reviews: IMDB.

    python -m seqjax.train --config configs/imdb.py:mingru

downloads 25,000 training and 25,000 test reviews (Maas et al. 2011, "Learning Word Vectors for
Sentiment Analysis"; no licence is stated, its authors ask for the citation), cuts a tenth of the
training reviews for validation, and reads 10,000 words and up to 512 tokens of each, the
first 128 and the last 384 of a longer one. Files are read by

    python -m seqjax.train --config configs/imdb.py:mingru --config.data.source=files \\
        --config.data.train=train.tsv --config.data.test=test.tsv

Every word is the model of `size=tiny` unless another size is named. With `size=30_000`, two epochs
and the best of three learning rates, on two busy CPU cores, `bag` has 88.4% of the 25,000 test
reviews right after a third of a minute, `mingru` 86.7% after 4 and `transformer` 87.8% after 9
(`experiments/sentiment`, means of three seeds); a bidirectional LSTM (`experiments/applications`)
90.2% after 15.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "mingru") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="imdb",
        preset=preset,
        data=LabelledTextConfig(
            source="tfds:imdb_reviews",
            train="train",
            test="test",
            vocabulary_size=10_000,
            max_length=512,
        ),
        optimizer=OptimizerConfig(learning_rate=3e-3, schedule="cosine", clip_norm=1.0),
        train=TrainConfig(epochs=3, batch_size=32, log_every=100),
    )
    model = partial(sized, pool="mean", causal=False, dropout=0.5)
    return from_preset(preset, base, models={}, sized=model, size="tiny")
