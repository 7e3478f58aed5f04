"""Claims that counting, a compiled program or a few arrays settle: one function a row.

None of them trains or takes a time, so that they give the same numbers on any machine, up to
rounding and to what another version of the compiler makes of a program. `plans` needs that of TPUs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.plans.run import make_plan
from seqjax import models
from seqjax.benchmarking.mixer_cells import MixerCell
from seqjax.benchmarking.programs import Compiled
from seqjax.models import ModelConfig
from seqjax.ops.cells import elman
from seqjax.ops.linear_recurrence import linear_recurrence
from seqjax.ops.recurrence import recurrence

Figures = dict[str, Any]

WORDS, WIDTH = 50, 32
LENGTHS = (16, 256)  # of inputs that one set of weights serves
HEADS = (1, 2, 4, 8)
DEPTH_LENGTHS = (64, 512)
MEMORY_LENGTHS = (512, 2_048, 8_192)
BATCH = 8
PLANNED_LENGTH = 64

RNN = ModelConfig(vocabulary_size=WORDS, outputs=2, pattern=("rnn",), width=WIDTH, pool="mean")
ATTENTION = replace(RNN, pattern=("attention",), embedding_size=WIDTH, causal=False)


def weights_by_length() -> Figures:
    """Parameters that inputs of two lengths get a gradient for: the RNN's, and a Transformer's."""

    def used(config: ModelConfig, length: int) -> int:
        params, _ = models.init(config, jax.random.key(0))
        tokens = _tokens(length)
        gradient = jax.grad(lambda params: models.apply(config, params, tokens)[0].sum())(params)
        return sum(leaf.size for leaf in jax.tree.leaves(gradient))

    learned = {
        length: replace(ATTENTION, positions="learned", max_positions=length) for length in LENGTHS
    }
    return {
        "rnn": [used(RNN, length) for length in LENGTHS],
        "attention": [used(ATTENTION, length) for length in LENGTHS],
        "attention with a learned position a step": [used(learned[n], n) for n in LENGTHS],
        "lengths": LENGTHS,
    }


def parameters_by_heads() -> Figures:
    """Parameters of an attention block by its number of heads, and with keys that heads share."""

    def outside(**settings: int) -> int:
        return models.count_parameters(replace(ATTENTION, **settings))[1]

    return {
        "heads": HEADS,
        "own keys and values": [outside(heads=heads) for heads in HEADS],
        "one key and value for all": [outside(heads=heads, kv_heads=1) for heads in HEADS],
    }


def gradient_formulas() -> Figures:
    """The recurrent weights' gradient by formula against autodiff, as a relative error.

    `dL/dW = Σ_t dL/dh_t · dh_t/dW`, the last factor with h_{t-1} held fixed: with dL/dh_t the
    whole derivative (through all later steps) and with that of the loss at step t alone.
    """
    time, size = 12, 8
    keys = jax.random.split(jax.random.key(3), 3)
    inputs = jax.random.normal(keys[0], (time, 1, size))
    weight = jax.random.normal(keys[1], (size, size)) / np.sqrt(size)
    targets = jax.random.normal(keys[2], (time, 1, size))
    bias, start = jnp.zeros(size), (jnp.zeros((1, size)),)

    def states(weight: Array) -> Array:
        return recurrence(elman("tanh"), inputs, weight, bias, start)[0]

    def loss(weight: Array) -> Array:
        return jnp.square(states(weight) - targets).sum() / 2

    exact = np.asarray(jax.grad(loss)(weight))
    h = np.asarray(states(weight), np.float64)[:, 0]
    own = h - np.asarray(targets)[:, 0]  # dL_t / dh_t
    before = np.concatenate([np.zeros((1, size)), h[:-1]])

    def by_formula(through_time: bool) -> Float[np.ndarray, "size size"]:
        total, later = np.zeros((size, size)), np.zeros(size)
        for t in reversed(range(time)):
            into = (own[t] + through_time * later) * (1 - h[t] ** 2)
            total += np.outer(before[t], into)
            later = np.asarray(weight) @ into
        return total

    return {
        "whole derivative": _relative_error(by_formula(True), exact),
        "loss of its own step alone": _relative_error(by_formula(False), exact),
    }


def order() -> Figures:
    """How far an answer moves when the input's steps are shuffled, relative to its size."""

    def moved(config: ModelConfig) -> float:
        params, _ = models.init(config, jax.random.key(1))
        tokens = _tokens(24)
        shuffled = jax.random.permutation(jax.random.key(7), tokens, axis=1)
        before, after = (models.apply(config, params, each)[0] for each in (tokens, shuffled))
        return _relative_error(np.asarray(after), np.asarray(before))

    return {
        "attention": moved(ATTENTION),
        "attention, two blocks": moved(replace(ATTENTION, pattern=("attention",) * 2)),
        "attention, sinusoidal positions": moved(replace(ATTENTION, positions="sinusoidal")),
        "attention, causal": moved(replace(ATTENTION, causal=True)),
        "attention, causal, two blocks": moved(
            replace(ATTENTION, pattern=("attention",) * 2, causal=True)
        ),
        "rnn": moved(RNN),
    }


def depth() -> Figures:
    """Iterations that must follow one another in compiled forward and train programs."""
    contenders = {
        "rnn": ("rnn", "sequential"),
        "lstm": ("lstm", "sequential"),
        "attention": ("attention", "plain"),
        "mingru, one step at a time": ("mingru", "sequential"),
        "mingru, as a tree": ("mingru", "associative"),
    }
    figures: Figures = {"lengths": DEPTH_LENGTHS}
    for work in ("forward", "train"):
        for name, (mixer, method) in contenders.items():
            facts = [
                _facts(MixerCell(mixer, length, BATCH, WIDTH, method, work))
                for length in DEPTH_LENGTHS
            ]
            figures[f"{name}: {work}"] = {
                "kernels": [fact["depth"] for fact in facts],
                "loop steps": [fact["loop_steps"] for fact in facts],
            }
    return figures


def parallel_equals_sequential() -> Figures:
    """A linear recurrence as a tree against one step at a time: the relative difference."""
    time, batch, width = 1_000, 2, 16
    keys = jax.random.split(jax.random.key(0), 2)
    decay = jax.random.uniform(keys[0], (time, batch, width), minval=-1.0)
    inputs = jax.random.normal(keys[1], (time, batch, width))
    start = jnp.zeros((batch, width))
    tree, steps = (
        np.asarray(linear_recurrence(decay, inputs, start, method=method)[0])
        for method in ("associative", "sequential")
    )
    return {"relative difference": _relative_error(tree, steps), "steps": time}


def memory() -> Figures:
    """Bytes that a train step holds at once, and those of a carry, by length.

    Attention in its plain form, which holds the weights of all pairs of steps, and in blocks.
    """
    contenders = {
        "rnn": ("rnn", "sequential"),
        "lstm": ("lstm", "sequential"),
        "rglru": ("rglru", "auto"),
        "attention": ("attention", "plain"),
        "attention, in blocks": ("attention", "blockwise"),
    }
    figures: Figures = {"lengths": MEMORY_LENGTHS}
    for name, (mixer, method) in contenders.items():
        cells = [
            MixerCell(mixer, length, BATCH, WIDTH, method, "train") for length in MEMORY_LENGTHS
        ]
        figures[name] = {
            "train step": [_facts(cell)["peak_bytes_per_device"] for cell in cells],
            "carry": [_carry_bytes(cell.model(), cell.length) for cell in cells],
        }
    return figures


def plans() -> Figures:
    """What `seqjax.plan` says of the article's train steps on four chips, at a length of 64 steps.

    The longest review snippet has 63 words, and batches of the longest are padded to 64.
    """
    return {"length": PLANNED_LENGTH} | {
        model: make_plan(
            [
                f"--config=configs/sentiment.py:{model}",
                f"--config.data.max_length={PLANNED_LENGTH}",
                "--topology=v5e:2x2",
            ]
        )
        for model in ("rnn", "transformer")
    }


MEASUREMENTS: dict[str, Callable[[], Figures]] = {
    measure.__name__: measure
    for measure in (
        weights_by_length,
        parameters_by_heads,
        gradient_formulas,
        order,
        depth,
        parallel_equals_sequential,
        memory,
        plans,
    )
}


def _tokens(length: int) -> Array:
    return jax.random.randint(jax.random.key(2), (BATCH, length), 0, WORDS)


def _facts(cell: MixerCell) -> Figures:
    return Compiled(cell.program(jax.devices())).facts()


def _carry_bytes(config: ModelConfig, length: int) -> int:
    shapes = jax.eval_shape(lambda: models.init_carry(config, BATCH, length))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))


def _relative_error(found: Sequence[float], expected: Sequence[float]) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
