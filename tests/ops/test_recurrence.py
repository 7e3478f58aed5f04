"""The recurrence against plain autodiff of a scan over time, written from the definition."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jax.extend.core import jaxprs_in_params

from seqjax.ops import cells
from seqjax.ops.cell import Cell
from seqjax.ops.recurrence import recurrence

CELLS = {
    "rnn": cells.elman("tanh"),
    "lstm": cells.lstm(),
    "gru": cells.gru(),
}


def plain(cell: Cell, inputs, weight, bias, state, mask, reset):
    """`state_t = pointwise(x_t, h_{t-1} W + b, state_{t-1})`, one step after the other."""
    true = jnp.ones(inputs.shape[:2], bool)
    mask = true if mask is None else mask
    reset = ~true if reset is None else reset

    def step(state, slices):
        x, mask_t, reset_t = slices
        started = tuple(array * ~reset_t[:, None] for array in state)
        new = cell.pointwise(x, started[0] @ weight + bias[None], started)
        kept = tuple(jnp.where(mask_t[:, None], n, s) for n, s in zip(new, started, strict=True))
        return kept, kept[0]

    state, outputs = jax.lax.scan(step, state, (inputs, mask, reset))
    return outputs, state


def problem(cell: Cell, time: int, batch: int, hidden: int, seed: int):
    """Random inputs, weight, bias and state."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    return (
        normal(time, batch, cell.gates * hidden),
        normal(hidden, cell.gates * hidden) / hidden**0.5,
        normal(cell.gates * hidden),
        tuple(normal(batch, hidden) for _ in range(cell.states)),
    )


def loss_of(function):
    """A scalar in which every output and every final state counts, each in its own way."""

    def loss(cell, arguments, mask, reset):
        outputs, state = function(cell, *arguments, mask=mask, reset=reset)
        final = sum(jnp.sin((k + 2) * array).sum() for k, array in enumerate(state))
        return jnp.sin(outputs).sum() + final, (outputs, state)

    return jax.jit(jax.value_and_grad(loss, argnums=1, has_aux=True), static_argnums=0)


OURS, PLAIN = loss_of(recurrence), loss_of(plain)


@pytest.mark.parametrize("name", CELLS)
# Each shape is compiled: to shrink a failure would take minutes.
@settings(max_examples=5, phases=[Phase.generate])
@given(
    time=st.integers(1, 6),
    batch=st.integers(1, 3),
    hidden=st.integers(1, 5),
    masked=st.booleans(),
    packed=st.booleans(),
    seed=st.integers(0, 999),
)
def test_values_and_gradients_are_those_of_plain_autodiff(
    name, time, batch, hidden, masked, packed, seed
):
    cell = CELLS[name]
    random = np.random.default_rng(seed)
    mask = jnp.asarray(random.random((time, batch)) < 0.6) if masked else None
    reset = jnp.asarray(random.random((time, batch)) < 0.4) if packed else None
    arguments = problem(cell, time, batch, hidden, seed)
    ours = OURS(cell, arguments, mask, reset)
    expected = PLAIN(cell, arguments, mask, reset)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_bfloat16_weights_keep_float32_states(name):
    cell = CELLS[name]
    inputs, weight, bias, state = problem(cell, 7, 2, 8, 0)
    low = jax.jit(recurrence, static_argnums=0)(
        cell, inputs, weight.astype(jnp.bfloat16), bias, state
    )
    exact = recurrence(cell, inputs, weight, bias, state)
    assert {array.dtype for array in jax.tree.leaves(low)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(low[0], exact[0], atol=0.1)
    # Rounded products, but not rounded states.
    assert not np.array_equal(low[0], low[0].astype(jnp.bfloat16).astype(jnp.float32))


def test_bfloat16_gradients_are_finite_and_near_the_exact_ones():
    cell = CELLS["lstm"]
    inputs, weight, bias, state = problem(cell, 7, 2, 8, 1)
    low = OURS(cell, (inputs, weight.astype(jnp.bfloat16), bias, state), None, None)[1]
    exact = OURS(cell, (inputs, weight, bias, state), None, None)[1]
    assert low[1].dtype == jnp.bfloat16
    for a, b in zip(jax.tree.leaves(low), jax.tree.leaves(exact), strict=True):
        a = a.astype(jnp.float32)
        assert np.linalg.norm(a - b) < 0.03 * np.linalg.norm(b)


def loops_in(jaxpr):
    """Every scan of a jaxpr, at any depth."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from loops_in(inner)


def test_the_backward_loop_carries_nothing_that_is_summed_over_the_batch():
    """Else data-parallel devices would exchange the weight's gradient in every step."""
    cell = CELLS["lstm"]
    time, batch, hidden = 5, 2, 3
    arguments = problem(cell, time, batch, hidden, 0)
    jaxpr = jax.make_jaxpr(lambda arguments: OURS(cell, arguments, None, None))(arguments)
    loops = list(loops_in(jaxpr.jaxpr))
    assert len(loops) == 2
    for loop in loops:
        carried = loop.outvars[: loop.params["num_carry"]]
        shapes = {variable.aval.shape for variable in carried}
        assert shapes <= {(batch, hidden), (time, batch, cell.gates * hidden)}


@pytest.mark.parametrize("name", [*CELLS, "coupled_lstm"])
def test_no_step_of_the_loops_copies_what_all_steps_share(name):
    """The time of a loop with such a copy grows as the square of the length."""
    cell = cells.coupled_lstm() if name == "coupled_lstm" else CELLS[name]
    time, hidden = 37, 5  # a length that no other size is
    inputs, weight, bias, state = problem(cell, time, 3, hidden, seed=0)
    peepholes = (jnp.ones(hidden),) * 2 if name == "coupled_lstm" else ()

    def loss(inputs, weight, bias, input_bias):
        outputs, _ = recurrence(
            cell, inputs, weight, bias, state, input_bias=input_bias, peepholes=peepholes
        )
        return jnp.sin(outputs).sum()

    arguments = inputs, weight, bias, bias
    for program in (loss, jax.grad(loss, argnums=(0, 1, 2, 3))):
        text = jax.jit(program).lower(*arguments).compile().as_text()
        bodies = set(re.findall(r"body=(%[^\s,]+)", text))
        assert bodies, "the program has no loop"
        computation = None
        for line in text.splitlines():
            if line.startswith(("%", "ENTRY")):
                computation = line.split(" ")[0]
            if computation in bodies:
                assert not re.search(rf"= f32\[{time},[^ ]* copy\(", line), line
