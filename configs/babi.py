"""Question answering: small worlds told in sentences, and questions that follow from them.

    python -m seqjax.train --config configs/babi.py:transformer
    echo "Mary went to the office. John moved to the garden. Where is Mary?" | \\
        python -m seqjax.predict --workdir runs/babi-transformer-…

The default stories are generated: `transformer` has 70.1% of their answers right after 5 minutes on
one busy CPU core, seed 0. Those of bAbI are read from a folder that holds its files as they
are published, one task or several by one model, of which `evaluate --by_group` tells each:

    python -m seqjax.train --config configs/babi.py:lstm,source=files,folder=en-10k \\
        "--config.data.tasks=(1,6,15)"

With `questions=first` each question is a row of its own, and stands before what was told: a reader
knows what to look for. A `gru` then has all answers of tasks 1, 6 and 9 right after 20,000 steps
(20 minutes on one busy CPU core, seed 0), where it has 52%, 84% and 83% with questions in their
places:

    python -m seqjax.train --config configs/babi.py:gru,source=files,folder=en-10k \\
        --config.data.questions=first "--config.data.tasks=(1,6,9)" \\
        --config.train.epochs=0 --config.train.steps=20_000

Every word is the model of `size=tiny`, 100,000 parameters, unless another size is named. On one
busy CPU core, `gated_deltanet` has all answers of bAbI's first task right after 3,000 steps (25
minutes, seed 0). After 1,500 steps at the best of three learning rates it has 99.7%, `gru` 96.7%
and `lstm` 76.4% (`experiments/babi`, which has five other tasks and the Transformer as well).
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.babi import BabiConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "transformer") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="babi",
        preset=preset,
        task="babi",
        data=BabiConfig(),
        optimizer=OptimizerConfig(
            learning_rate=3e-3, schedule="cosine", warmup_steps=100, clip_norm=1.0
        ),
        train=TrainConfig(epochs=40, batch_size=32),
    )
    model = partial(sized, pool="none", dropout=0.1)
    return from_preset(preset, base, models={}, sized=model, size="tiny")
