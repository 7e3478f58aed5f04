"""Parity of bits beyond the training length: `python -m experiments.state_tracking.run`.

Each step is asked for the parity of all bits so far. Training sees lengths up to 40, the test goes
to 400. A mixer needs an eigenvalue of -1 or a nonlinearity to keep a state that flips (Grazzi et
al. 2024, arXiv 2411.12537); attention has neither and cannot extrapolate (Hahn 2020).
"""

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from absl.flags import FlagValues

from experiments.sweep import read_lines
from seqjax import models
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.models import ModelConfig

RESULTS = Path(__file__).with_name("results.jsonl")
MIXERS = ("lstm", "gated_deltanet", "attention")


class Setting(NamedTuple):
    """How long a model trains, and on what."""

    steps: int = 4_000
    batch: int = 64
    train_length: int = 40
    test_length: int = 400
    learning_rate: float = 1e-2
    width: int = 32


def model_of(mixer: str, setting: Setting) -> ModelConfig:
    """One layer of the mixer between an embedding of two bits and a logit for every step."""
    return ModelConfig(
        vocabulary_size=2,
        outputs=1,
        embedding_size=setting.width,
        width=setting.width,
        inner_size=setting.width,
        state_size=8,
        matrix_recurrence="chunked",  # as the rows were made, whatever is the fastest here
        heads=4,
        pattern=(mixer,),
        norm="pre",
        residual=True,
        feed_forward="two_layer",
        feed_forward_size=2 * setting.width,
        positions="sinusoidal" if mixer == "attention" else "none",
        pool="none",
    )


def accuracy_beyond_training(mixer: str, setting: Setting, seed: int) -> float:
    """Trains, then the share of right answers over all steps of sequences of the test length."""
    config = model_of(mixer, setting)
    params, _ = models.init(config, jax.random.key(seed))
    schedule = optax.cosine_decay_schedule(setting.learning_rate, setting.steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))

    def examples(key, length):
        bits = jax.random.bernoulli(key, 0.5, (setting.batch, length)).astype(jnp.int32)
        return bits, jnp.cumsum(bits, axis=1) % 2

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, key):
        bits_key, length_key = jax.random.split(key)
        bits, parity = examples(bits_key, setting.train_length)
        lengths = jax.random.randint(length_key, (setting.batch, 1), 1, setting.train_length + 1)
        real = jnp.arange(setting.train_length)[None] < lengths

        def loss(params):
            logits, _ = models.apply(config, params, bits, mask=real)
            losses = optax.sigmoid_binary_cross_entropy(logits[..., 0], parity)
            return jnp.sum(losses * real) / jnp.sum(real)

        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    @jax.jit
    def correct(params, key):
        bits, parity = examples(key, setting.test_length)
        logits, _ = models.apply(config, params, bits)
        return jnp.mean((logits[..., 0] > 0) == parity)

    state = optimizer.init(params)
    key = jax.random.key(seed + 1)
    for number in range(setting.steps):
        params, state = step(params, state, jax.random.fold_in(key, number))
    return float(correct(params, jax.random.fold_in(key, setting.steps)))


def define_flags(values: FlagValues) -> None:
    """This command has no flags."""


def main(flags: FlagValues) -> None:
    """Replaces `results.jsonl` by one row a mixer, and prints the table."""
    rows = []
    for mixer in MIXERS:
        started = time.perf_counter()
        accuracy = accuracy_beyond_training(mixer, Setting(), seed=0)
        rows.append(
            {
                "id": f"state_tracking-{mixer}",
                "command": "python -m experiments.state_tracking.run",
                "mixer": mixer,
                "accuracy": accuracy,
                "seconds": round(time.perf_counter() - started),
                "seed": 0,
                "setting": Setting()._asdict(),
                **circumstances(),
            }
        )
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print("\n".join(table(RESULTS)))


def table(results: Path) -> Sequence[str]:
    """The README's lines of Markdown."""
    rows = read_lines(results)
    lines = ["| mixer | right answers at length 400 |", "|---|---|"]
    return lines + [f"| `{row['mixer']}` | {100 * row['accuracy']:.1f}% |" for row in rows]


if __name__ == "__main__":
    run_command(define_flags, main)
