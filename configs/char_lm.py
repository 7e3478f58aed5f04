"""A language model of characters, on Python's own help texts or any text of yours.

    python -m seqjax.train --config configs/char_lm.py:lstm
    echo "The with statement" | python -m seqjax.predict --workdir runs/char_lm-lstm-…

The default text needs nothing (`pydoc_data.topics` of the standard library). On that of Python
3.11.7 (SHA-256 3fd1cb0de4cc…), `lstm` has 1.105 nats a character on the test topics after 39
minutes on one busy CPU core; other versions have other texts. Any other text:

    python -m seqjax.train --config configs/char_lm.py:lstm \\
      --config.data.source=files --config.data.train=input.txt

Every word picks a model of four pre-norm residual blocks with 1 million parameters outside the
tables, or what `size=tiny|base` says; `bag` has no blocks, and is a bigram model. On two CPU cores,
after 1,600 steps at a learning rate of 0.003 in pieces of 128 characters (`data.context=64`),
`lstm` has 1.463 nats a character on the last tenth of tiny Shakespeare (16 minutes), and
`transformer` 1.553 (27 minutes). That text is in the public domain, its file from
github.com/karpathy/char-rnn.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.running_text import RunningTextConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="char_lm",
        preset=preset,
        task="language_model",
        data=RunningTextConfig(),
        optimizer=OptimizerConfig(
            name="adamw",
            learning_rate=2e-3,
            schedule="cosine",
            warmup_steps=100,
            weight_decay=0.01,
            clip_norm=1.0,
        ),
        train=TrainConfig(steps=2000, batch_size=32, evaluate_every=250),
    )
    models = partial(sized, pool="none", dropout=0.1)
    return from_preset(preset, base, models={}, sized=models, size="small")
