"""Language models of 200 million to 7 billion parameters, for slices of TPUs.

    python -m seqjax.plan --config configs/lm_pod.py:transformer --topology v5p:4x4x4
    python -m seqjax.train --config configs/lm_pod.py:transformer,size=tiny

Words: `transformer`, `hybrid` (RG-LRU and local attention), `lstm`. Sizes: `200m` (the default),
`1b`, `7b`; `tiny` is the same model for a machine like this one. All words of a size have as many
parameters outside the tables, to 2%. A batch is 1,024 sequences of 2,048 tokens of a vocabulary of
32,768, and a run sees 20 tokens a parameter (Hoffmann et al. 2022).

By the TPU compiler's estimate a step of `transformer` takes 0.19 seconds on `v5p:4x4x4`, and the
run 0.1 hours (`experiments/plans`, with other models and slices); nothing has run on a TPU yet.

The default text is a generated stream of numbers, which needs nothing and tells what a loss can
reach. A text of yours, in pieces of words:

    python -m seqjax.train --config configs/lm_pod.py:transformer,size=1b \\
      --config.data.source=files "--config.data.train=books/*.txt" --config.data.tokenizer=bpe
"""

from dataclasses import replace
from typing import NamedTuple

from ml_collections import ConfigDict

from seqjax.data.running_text import RunningTextConfig
from seqjax.distributed.config import MeshConfig
from seqjax.errors import UserError, did_you_mean
from seqjax.models import ModelConfig
from seqjax.models.matching import match_feed_forward, outside
from seqjax.models.presets import PATTERNS
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset, split_preset

WORDS = ("transformer", "hybrid", "lstm")


class Size(NamedTuple):
    """How large the models of a size word are, on what they are trained, and on which mesh."""

    blocks: int
    width: int
    heads: int
    vocabulary: int
    sequences: int  # of a batch
    length: int
    steps: int
    mesh: MeshConfig
    accumulate: int = 1
    remat: str = "none"
    unroll: bool = False  # no layers' activations are copied in and out of a loop's stacks


WHOLE, SPREAD = MeshConfig(data=-1), MeshConfig(data=1, fsdp=-1)
SIZES = {
    "tiny": Size(3, 128, 2, 512, 8, 64, 200, WHOLE),
    "200m": Size(12, 1024, 8, 2**15, 1024, 2048, 2_000, WHOLE, unroll=True),
    "1b": Size(18, 2048, 16, 2**15, 1024, 2048, 10_000, SPREAD, remat="elementwise"),
    "7b": Size(33, 4096, 32, 2**15, 1024, 2048, 66_000, SPREAD, accumulate=4, remat="block"),
}


def get_config(preset: str = "transformer") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    _, settings = split_preset(preset)
    name = dict(settings).get("size", "200m")
    size = sizes_of(name)
    base = Config(
        name="lm_pod",
        preset=preset,
        task="language_model",
        data=RunningTextConfig(
            source="synthetic",
            vocabulary_size=size.vocabulary,
            length=size.length,
            context=size.length // 2,
        ),
        optimizer=OptimizerConfig(
            name="adamw",
            learning_rate=3e-4,
            schedule="cosine",
            warmup_steps=size.steps // 20,
            final_fraction=0.1,
            beta2=0.95,
            weight_decay=0.1,
            clip_norm=1.0,
        ),
        train=TrainConfig(
            steps=size.steps,
            batch_size=size.sequences,
            accumulate=size.accumulate,
            evaluate_every=size.steps // 10,
            checkpoint_every=max(1, size.steps // 50),
        ),
        mesh=size.mesh,
    )
    return from_preset(preset, base, models={}, sized=sized, size=name)


def sizes_of(name: str) -> Size:
    """The sizes of a size word."""
    if name not in SIZES:
        raise UserError(f"size={name!r} is no size of this config: {did_you_mean(name, SIZES)}")
    return SIZES[name]


def sized(word: str, name: str) -> ModelConfig:
    """The model of a word and a size word: the feed-forward makes up for what a mixer lacks."""
    if word not in WORDS:
        raise UserError(f"There is no preset {word!r}: {did_you_mean(word, WORDS)}")
    size = sizes_of(name)
    transformer = ModelConfig(
        pattern=size.blocks * PATTERNS["transformer"],
        embedding_size=size.width,
        width=size.width,
        heads=size.heads,
        inner_size=size.width,
        positions="rotary",
        norm="pre",
        final_norm=True,
        residual=True,
        feed_forward="two_layer",
        feed_forward_size=4 * size.width,
        activation="squared_relu",
        bias=False,
        pool="none",
        remat=size.remat,
        unroll_depth=size.unroll,
        dtype="bfloat16",
    )
    unit = PATTERNS[word]
    model = replace(
        transformer,
        pattern=unit * (size.blocks // len(unit)),
        positions="none" if word == "lstm" else "rotary",
        window=size.length // 2 if "local_attention" in unit else 0,
    )
    return match_feed_forward(model, outside(transformer), step=128)
