"""Images of digits, as sequences: rows, pixels, permuted pixels, or patches.

    python -m seqjax.train --config configs/pixels.py:lstm
    python -m seqjax.train --config configs/pixels.py:lru,view=permuted,pool=last,chrono_length=784
    python -m seqjax.train --config configs/pixels.py:transformer,view=patches

reads 5,000 images of MNIST that a package carries, row by row, 28 steps of 28 numbers; `lstm`
labels 96.0% of its test images rightly after half a minute on one busy CPU core, seed 0. All of
MNIST is downloaded with `--config.data.source=tfds:mnist`, or comes from its four files:

    python -m seqjax.train --config configs/pixels.py:lstm --config.data.source=idx \\
        --config.data.train=train-images-idx3-ubyte.gz --config.data.test=t10k-images-idx3-ubyte.gz

With `--config.train.epochs=4`, `lstm` labels 99.0% of the test images rightly (seed 0), after 6
minutes on two busy CPU cores. Pixel by pixel, permuted, an LRU of 30,000 parameters that starts out
to remember (`model.chrono_length=784`) and is read at its last step (`model.pool=last`) has 95.5%
right after 42 minutes on one of them, and 86.0% averaged over all steps without that
(`experiments/applications` has the commands).

Every word is the model of `size=tiny` unless another size is named; `transformer` sees all steps of
an image, and `view=patches` makes it a small Vision Transformer.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.images import ImagesConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="pixels",
        preset=preset,
        task="images",
        data=ImagesConfig(),
        optimizer=OptimizerConfig(
            name="adamw",
            learning_rate=3e-3,
            schedule="cosine",
            warmup_steps=100,
            weight_decay=0.05,
            clip_norm=1.0,
        ),
        train=TrainConfig(epochs=10, batch_size=64),
    )
    model = partial(sized, pool="mean", causal=False, max_positions=1024)
    return from_preset(preset, base, models={}, sized=model, size="tiny")
