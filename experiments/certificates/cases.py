"""Random recurrences, of which a wanted share is chaotic, and what two evaluations make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.sweep import json_number
from seqjax.ops import cells
from seqjax.ops.cell import Cell
from seqjax.ops.lyapunov import largest_lyapunov_exponent
from seqjax.ops.newton import DEFAULT, Newton
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.recurrence import recurrence

CELLS = {
    "rnn": cells.elman("tanh"),
    "gru": cells.gru(),
    "lstm": cells.lstm(),
    "paragru": cells.gru(),
    "paralstm": cells.coupled_lstm(),
}
# Most of the time to compile goes into making machine code fast, which matters little here.
COMPILER_OPTIONS = {"xla_backend_optimization_level": 0}
POOL = 64  # recurrences whose exponents are computed together
SPREAD = (0.3, 30.0)  # standard deviations of the recurrent weights, times √width


@dataclass(frozen=True)
class Setting:
    """Cases that share their compiled programs."""

    mixer: str
    time: int
    width: int
    newton: Newton = DEFAULT
    batch: int = 2

    @property
    def cell(self) -> Cell:
        """What is repeated."""
        return CELLS[self.mixer]

    @property
    def diagonal(self) -> bool:
        """Whether units look at no other unit's state."""
        return self.mixer.startswith("para")


class Case(NamedTuple):
    """One recurrence."""

    arrays: tuple[Any, ...]  # inputs, weight, bias, state, peepholes
    exponent: float  # the largest Lyapunov exponent of the batch's rows


def draw(setting: Setting, count: int, chaotic: int, seed: int) -> list[Case]:
    """`count` cases, of which `chaotic` have a positive Lyapunov exponent and the others have not.

    Weights of very different sizes are drawn until there are enough of both kinds.
    """
    found: dict[bool, list[Case]] = {True: [], False: []}
    wanted = {True: chaotic, False: count - chaotic}
    random = np.random.default_rng([seed, setting.time, setting.width])
    for _ in range(200):
        pool = [_arrays(setting, random) for _ in range(POOL)]
        stacked = jax.tree.map(lambda *arrays: np.stack(arrays), *pool)
        for arrays, exponent in zip(pool, _exponents(setting.cell, stacked), strict=True):
            kind = found[bool(exponent > 0)]
            if len(kind) < wanted[bool(exponent > 0)]:
                kind.append(Case(arrays, float(exponent)))
        if all(len(found[kind]) == wanted[kind] for kind in found):
            return found[True] + found[False]
    raise ValueError(f"{setting}: found {len(found[True])} chaotic cases, not {chaotic}.")


def _arrays(setting: Setting, random: np.random.Generator) -> tuple[Any, ...]:
    cell, width = setting.cell, setting.width
    size = cell.gates * width

    def normal(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    gain, scale = (np.float32(np.exp(random.uniform(*np.log(SPREAD)))) for _ in range(2))
    weight = normal(size) if setting.diagonal else normal(width, size) / np.float32(width**0.5)
    peepholes = (normal(width), normal(width)) if setting.mixer == "paralstm" else ()
    inputs = min(scale, 3) * normal(setting.time, setting.batch, size)
    state = tuple(normal(setting.batch, width) for _ in range(cell.states))
    return inputs, gain * weight, normal(size), state, peepholes


@partial(jax.jit, static_argnums=0)
def _exponents(cell, arrays):
    def of_one(inputs, weight, bias, state, peepholes):
        transient = len(inputs) // 4
        exponents = largest_lyapunov_exponent(
            cell, inputs, weight, bias, state, peepholes=peepholes, transient=transient
        )
        return exponents.max()

    return jax.vmap(of_one)(*arrays)


def interruptions(setting: Setting, seed: int) -> dict[str, jax.Array]:
    """Steps that are not real, steps that start anew, and units that are dropped."""
    random = np.random.default_rng(seed)
    steps, units = (setting.time, setting.batch), (setting.batch, setting.width)
    return {
        "mask": jnp.asarray(random.random(steps) < 0.8),
        "reset": jnp.asarray(random.random(steps) < 0.05),
        "dropout_mask": jnp.asarray((random.random(units) < 0.9) / 0.9, jnp.float32),
    }


def no_interruptions(setting: Setting) -> dict[str, jax.Array]:
    """The same arrays where nothing is masked, reset or dropped."""
    steps, units = (setting.time, setting.batch), (setting.batch, setting.width)
    return {
        "mask": jnp.ones(steps, bool),
        "reset": jnp.zeros(steps, bool),
        "dropout_mask": jnp.ones(units),
    }


def compared(setting: Setting, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """A row for each of `count` cases, a quarter of them chaotic.

    Every other case that is not chaotic has steps that are masked, steps that start anew, and
    dropout.
    """
    sequential, parallel = (
        jax.jit(partial(function, setting), compiler_options=COMPILER_OPTIONS)
        for function in (_sequential, _parallel)
    )
    for number, case in enumerate(draw(setting, count, count // 4, seed)):
        interrupted = case.exponent <= 0 and number % 2 == 1
        given = interruptions(setting, number) if interrupted else no_interruptions(setting)
        expected = sequential(case.arrays, given)
        values, gradients, certificate = parallel(case.arrays, given)
        yield {
            "mixer": setting.mixer,
            "time": setting.time,
            "width": setting.width,
            "batch": setting.batch,
            "jacobian": setting.newton.jacobian,
            "damping": setting.newton.damping,
            "chunk_size": setting.newton.chunk_size,
            "exponent": case.exponent,
            "interrupted": interrupted,
            "residual": json_number(certificate.residual.max()),
            "estimate": json_number(certificate.error.max()),
            "iterations": int(certificate.iterations),
            "certified": bool(certificate.certified.all()),
            "value_is_sequential": _same(values, expected[0]),
            "gradient_is_sequential": _same(gradients, expected[1]),
            "value_error": relative_error(values, expected[0]),
            "gradient_error": relative_error(gradients, expected[1]),
        }


def holds(row: dict[str, Any], tolerance: float = 1e-5) -> bool:
    """Whether a case is what is promised: close to the sequential one, or the sequential one."""
    if not row["certified"]:
        return row["value_is_sequential"] and row["gradient_is_sequential"]
    close = row["gradient_error"] is not None and row["gradient_error"] <= tolerance
    return row["value_error"] <= tolerance and (close or row["gradient_is_sequential"])


def relative_error(found: Any, expected: Any) -> float | None:
    """The largest of all arrays', each beside its own largest entry; None where one overflowed."""
    errors = [
        np.abs(np.float64(a) - np.float64(b)).max() / max(np.abs(b).max(), 1e-30)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    ]
    return json_number(max(errors))


def _same(found, expected):
    """Whether all bits are."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _loss(function, cell, arrays, given, **options):
    """A number in which every output and every final state counts, each in its own way."""
    inputs, weight, bias, state, peepholes = arrays
    outputs, state, *certificate = function(
        cell, inputs, weight, bias, state, peepholes=peepholes, **given, **options
    )
    final = sum(jnp.sin((k + 2) * array).sum() for k, array in enumerate(state))
    return jnp.sin(outputs).sum() + final, ((outputs, state), certificate)


def _sequential(setting, arrays, given):
    function = partial(_loss, recurrence, setting.cell, method="sequential")
    (_, (values, _)), gradients = jax.value_and_grad(function, has_aux=True)(arrays, given)
    return values, gradients


def _parallel(setting, arrays, given):
    function = partial(_loss, parallel_recurrence, setting.cell, newton=setting.newton)
    (_, (values, (certificate,))), gradients = jax.value_and_grad(function, has_aux=True)(
        arrays, given
    )
    return values, gradients, certificate
