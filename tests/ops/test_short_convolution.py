"""The short convolution against a list of the inputs so far."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from seqjax.ops.short_convolution import short_convolution

BATCH, TIME, FEATURES = 2, 9, 3
run = jax.jit(
    lambda x, kernel, window, mask, reset: short_convolution(
        x, kernel, window, mask=mask, reset=reset
    )
)


def by_definition(x, kernel, window, mask, reset):
    """`Σ_j kernel_j x_{t-j}` over the real inputs of the example, and the last of them."""
    y = np.zeros_like(x)
    last = np.zeros_like(window)
    for row in range(len(x)):
        seen = list(window[row])
        for t in range(x.shape[1]):
            if reset[row, t]:
                seen = []
            if mask[row, t]:
                seen.append(x[row, t])
                y[row, t] = sum(w * past for w, past in zip(kernel, seen[::-1], strict=False))
        kept = seen[max(0, len(seen) - window.shape[1]) :]
        last[row, window.shape[1] - len(kept) :] = np.reshape(kept, (-1, FEATURES))
    return y, last


@pytest.mark.parametrize("taps", [1, 4])
@settings(max_examples=20, derandomize=True, deadline=None)
@given(
    masked=st.floats(0, 1),
    packed=st.floats(0, 1),
    split=st.sampled_from([0, 4]),
    seed=st.integers(0, 999),
)
def test_whole_and_chunks_equal_the_definition(taps, masked, packed, split, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    kernel = random.normal(size=(taps, FEATURES)).astype("float32")
    window = random.normal(size=(BATCH, taps - 1, FEATURES)).astype("float32")
    mask = random.random((BATCH, TIME)) >= masked
    reset = random.random((BATCH, TIME)) < packed
    expected, last = by_definition(x, kernel, window, mask, reset)
    outputs = []
    for chunk in (slice(0, split), slice(split, TIME)) if split else (slice(0, TIME),):
        y, window = run(x[:, chunk], kernel, window, mask[:, chunk], reset[:, chunk])
        outputs.append(y)
    y = np.where(mask[..., None], np.concatenate(outputs, axis=1), 0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(window, last)


def test_bfloat16_inputs_keep_an_exact_float32_window():
    random = np.random.default_rng(0)
    x = jax.numpy.asarray(random.normal(size=(BATCH, TIME, FEATURES)), "bfloat16")
    window = np.zeros((BATCH, 3, FEATURES), "float32")
    y, window = run(x, np.ones((4, FEATURES), "float32"), window, None, None)
    assert y.dtype == "bfloat16"
    assert window.dtype == "float32"
    np.testing.assert_array_equal(window, x[:, -3:].astype("float32"))


def test_pieces_of_time_equal_the_whole():
    """In value and gradient; with so many devices a window reaches beyond the piece before."""
    devices = 8
    random = np.random.default_rng(0)
    x, kernel, window = (
        jnp.asarray(random.normal(size=shape), jnp.float32)
        for shape in ((2, 24, 3), (5, 3), (2, 4, 3))
    )
    mask, reset = (jnp.asarray(random.random((2, 24)) < rate) for rate in (0.8, 0.1))
    mesh = jax.make_mesh((devices,), ("sequence",), axis_types=(AxisType.Auto,))
    steps, whole = P(None, "sequence"), P()

    def convolve(x, kernel, window, mask, reset, axis=None):
        return short_convolution(x, kernel, window, mask=mask, reset=reset, axis=axis)

    pieces = jax.shard_map(
        partial(convolve, axis="sequence"),
        mesh=mesh,
        in_specs=(steps, whole, whole, steps, steps),
        out_specs=(steps, whole),
    )

    def loss(form, *arrays):
        y, last = form(*arrays, mask, reset)
        y = jnp.where(mask[..., None], y, 0)
        return jnp.sin(2 * y).sum() + jnp.sin(3 * last).sum(), (y, last)

    expected, found = (
        jax.jit(jax.grad(partial(loss, form), argnums=(0, 1, 2), has_aux=True))(x, kernel, window)
        for form in (convolve, pieces)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
