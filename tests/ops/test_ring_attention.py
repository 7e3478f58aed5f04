"""Attention with time spread over devices: the same numbers, a part of the memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.plain_attention import plain_attention
from seqjax.ops.positions import Places, alibi_slopes, step_places
from seqjax.ops.ring_attention import ring_attention

# What is compared does not depend on how well it is compiled, and compiling well takes long.
pytestmark = pytest.mark.usefixtures("quickly")
BATCH, TIME, HEADS, KV_HEADS, SIZE = 2, 24, 4, 2, 4
PIECES = PartitionSpec(None, "sequence")
FORMS = {
    "causal": {"causal": True},
    "a window, slopes": {"causal": True, "window": 5, "slopes": True},
    "a window both ways": {"window": 4},
    "dropout": {"dropout": True},
}


def over_devices(run, devices):
    """`run` of queries, keys, values and places, with time over the devices."""
    mesh = jax.make_mesh((devices,), ("sequence",), axis_types=(AxisType.Auto,))

    def piece(query, key, value, places):
        return run(query, key, value, places, places, axis="sequence")

    specs = (PIECES,) * 4
    return mesh, jax.shard_map(piece, mesh=mesh, in_specs=specs, out_specs=PIECES, check_vma=False)


def gradient_of(form, places, weight):
    def loss(arrays):
        y = form(*arrays, places)
        return (y * weight).sum(), y

    return jax.grad(loss, has_aux=True)


@pytest.mark.parametrize(("form", "devices"), [*zip(FORMS, (8, 8, 3, 4), strict=True)])
def test_pieces_equal_the_whole(form, devices):
    """In value and gradient, with packed examples and gaps."""
    random = np.random.default_rng(0)
    heads = (HEADS, KV_HEADS, KV_HEADS, HEADS)
    arrays = [random.normal(size=(BATCH, TIME, each, SIZE)).astype(np.float32) for each in heads]
    *arrays, weight = arrays
    ones = jnp.ones(BATCH, jnp.int32)
    mask, reset = (jnp.asarray(random.random((BATCH, TIME)) < rate) for rate in (0.8, 0.08))
    places, _, _ = step_places(ones, 0 * ones, TIME, mask, reset)

    settings = dict(FORMS[form])
    if settings.pop("slopes", False):
        settings["slopes"] = alibi_slopes(HEADS)
    if settings.pop("dropout", False):
        settings["dropout"] = Dropout.from_key(jax.random.key(0), 0.3, BATCH, HEADS)

    def whole(query, key, value, places):
        return plain_attention(query, key, value, places, places, **settings)

    _, pieces = over_devices(partial(ring_attention, **settings), devices)
    expected, found = (
        jax.jit(gradient_of(each, places, weight)).lower(arrays).compile()(arrays)
        for each in (whole, pieces)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_memory_of_a_device_falls_with_their_number():
    """Of the compiled program: arguments, results and temporaries of value and gradient.

    From two devices on, each of which holds its own part and a visiting one.
    """
    time = 2**17

    def memory(devices):
        mesh, pieces = over_devices(partial(ring_attention, causal=True), devices)
        places = Places(*jnp.ones((2, 1, time), jnp.int32))
        split = NamedSharding(mesh, PIECES)
        arrays = [jax.ShapeDtypeStruct((1, time, 2, 16), jnp.float32)] * 3

        def gradient(arrays, places):
            return gradient_of(pieces, places, 1.0)(arrays)

        compute = jax.jit(gradient, in_shardings=split, out_shardings=split)
        sizes = compute.lower(arrays, places).compile().memory_analysis()
        return sizes.argument_size_in_bytes + sizes.output_size_in_bytes + sizes.temp_size_in_bytes

    one, two, eight = map(memory, (1, 2, 8))
    assert two < one
    assert eight < 1.1 * two / 4
