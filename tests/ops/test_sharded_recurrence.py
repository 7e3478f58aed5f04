"""Linear recurrences with time spread over devices: the same numbers, a part of the memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from seqjax.ops.linear_recurrence import linear_recurrence
from seqjax.ops.matrix_recurrence import gated_delta_rule, gated_linear_attention

BATCH, TIME, HEADS, SIZE = 2, 24, 2, 3


def problem(name, time=TIME, batch=BATCH, size=SIZE):
    """A recurrence, its arrays with the state last, their axis of time, and the axis of masks."""
    random = np.random.default_rng(0)

    def normal(*shape):
        return random.normal(size=shape).astype("float32")

    if name == "diagonal":
        decays = random.uniform(0.5, 1, (time, batch, size)).astype("float32")
        return linear_recurrence, [decays, normal(time, batch, size), normal(batch, size)], 0
    key = normal(batch, time, HEADS, size)
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    decays = -random.uniform(0, 0.5, (batch, time, HEADS)).astype("float32")
    arrays = [normal(batch, time, HEADS, size), key, normal(batch, time, HEADS, size), decays]
    if name == "attention":
        return gated_linear_attention, [*arrays, normal(batch, HEADS, size, size)], 1
    strengths = random.uniform(0, 2, (batch, time, HEADS)).astype("float32")
    return gated_delta_rule, [*arrays, strengths, normal(batch, HEADS, size, size)], 1


def over_devices(run, arrays, time_axis, devices):
    """`run` with time over the devices, a function of the arrays, the mask and the resets."""
    mesh = jax.make_mesh((devices,), ("sequence",), axis_types=(AxisType.Auto,))
    pieces = PartitionSpec(*[None] * time_axis, "sequence")

    def piece(*arguments):
        *arrays, mask, reset = arguments
        return run(*arrays, mask=mask, reset=reset, axis="sequence")

    return mesh, jax.shard_map(
        piece,
        mesh=mesh,
        in_specs=(*[pieces] * (len(arrays) - 1), PartitionSpec(), pieces, pieces),
        out_specs=(pieces, PartitionSpec()),
    )


def loss(run, mask, arrays, reset):
    y, last = run(*arrays, mask, reset)
    y = jnp.where(mask.reshape(mask.shape + (1,) * (y.ndim - 2)), y, 0)
    return jnp.sin(2 * y).sum() + jnp.sin(3 * last).sum(), (y, last)


@pytest.mark.parametrize(
    ("name", "method", "devices"),
    [
        ("diagonal", "sequential", 8),
        ("diagonal", "associative", 3),
        ("diagonal", "chunked", 8),
        ("attention", "sequential", 8),
        ("attention", "chunked", 8),
        ("delta", "associative", 8),
        ("delta", "chunked", 3),
    ],
)
def test_pieces_equal_the_whole(name, method, devices):
    run, arrays, time_axis = problem(name)
    random = np.random.default_rng(1)
    shape = arrays[0].shape[:2]
    mask = jnp.asarray(random.random(shape) > 0.2)
    reset = jnp.asarray(random.random(shape) < 0.1)
    run = partial(run, method=method)

    def whole(*arguments):
        *arrays, mask, reset = arguments
        return run(*arrays, mask=mask, reset=reset)

    _, pieces = over_devices(run, arrays, time_axis, devices)
    expected, found = (
        jax.jit(jax.value_and_grad(partial(loss, f, mask), has_aux=True))(arrays, reset)
        for f in (whole, pieces)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("name", ["diagonal", "attention", "delta"])
def test_memory_of_a_device_falls_with_their_number(name):
    """Of the compiled program: arguments, results and temporaries of value and gradient."""
    time, batch, size = 4096, 1, 16
    run, arrays, time_axis = problem(name, time, batch, size)
    mask = jnp.ones(arrays[0].shape[:2], bool)

    def memory(devices):
        mesh, pieces = over_devices(run, arrays, time_axis, devices)
        split = NamedSharding(mesh, PartitionSpec(*[None] * time_axis, "sequence"))
        whole = NamedSharding(mesh, PartitionSpec())
        shardings = [*[split] * (len(arrays) - 1), whole]
        gradient = jax.jit(
            jax.grad(lambda arrays, mask: loss(pieces, mask, arrays, ~mask)[0]),
            in_shardings=(shardings, split),
            out_shardings=shardings,
        )
        sizes = gradient.lower(arrays, mask).compile().memory_analysis()
        return sizes.argument_size_in_bytes + sizes.output_size_in_bytes + sizes.temp_size_in_bytes

    assert memory(8) < 1.15 * memory(1) / 8
