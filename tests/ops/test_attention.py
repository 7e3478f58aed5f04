"""Attention against its equation in NumPy, one query and one head at a time."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.ops.attention import attention
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.positions import Places


def reference(query, key, value, query_places, key_places, causal, window, slopes):
    """`softmax(q Kᵀ / √d - slope x distance) V` over the keys that a query may see."""
    batch, time, heads, size = query.shape
    group = heads // key.shape[2]
    y = np.zeros((batch, time, heads, value.shape[-1]))
    for b, t, h in np.ndindex(batch, time, heads):
        position = query_places.position[b, t]
        distances = position - key_places.position[b]
        seen = [
            s
            for s, distance in enumerate(distances)
            if key_places.segment[b, s] == query_places.segment[b, t] != 0
            and not (causal and distance < 0)
            and not (window and abs(distance) >= window)
        ]
        if not seen:
            continue
        logits = key[b, seen, h // group] @ query[b, t, h] / np.sqrt(size)
        if slopes is not None:
            logits = logits - slopes[h] * np.abs(distances[seen])
        weights = np.exp(logits - logits.max())
        y[b, t, h] = (weights / weights.sum()) @ value[b, seen, h // group]
    return y


def problem(time, steps, kv_heads, group, seed):
    """Random queries, keys, values, and places with packed examples and unreal steps."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        return random.normal(size=shape).astype("float32")

    def places(length):
        return Places(
            random.integers(0, 3, (2, length)).astype("int32"),
            random.integers(0, 6, (2, length)).astype("int32"),
        )

    return (
        normal(2, time, kv_heads * group, 4),
        normal(2, steps, kv_heads, 4),
        normal(2, steps, kv_heads, 3),
        places(time),
        places(steps),
    )


def ours(arguments, **settings):
    return attention(*jax.tree.map(jnp.asarray, arguments), **settings)


@settings(max_examples=12)
@given(
    shape=st.sampled_from([(1, 5, 1, 2), (5, 5, 2, 1), (4, 6, 2, 2)]),
    causal=st.booleans(),
    window=st.none() | st.integers(1, 4),
    alibi=st.booleans(),
    seed=st.integers(0, 999),
)
def test_it_is_the_equation(shape, causal, window, alibi, seed):
    arguments = problem(*shape, seed)
    slopes = np.array([0.5, 0.25, 0.7, 1.5], "float32")[: shape[2] * shape[3]] if alibi else None
    expected = reference(*arguments, causal, window, slopes)
    found = ours(
        arguments,
        causal=causal,
        window=window,
        slopes=None if slopes is None else jnp.asarray(slopes),
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_row_of_places_serves_all_rows():
    query, key, value, places, _ = problem(5, 5, 2, 1, 0)
    one = Places(*(array[:1] for array in places))
    both = Places(*(np.repeat(array, 2, axis=0) for array in one))
    np.testing.assert_array_equal(
        ours((query, key, value, one, one), causal=True),
        ours((query, key, value, both, both), causal=True),
    )


def test_a_query_that_sees_nothing_gets_zeros_and_finite_gradients():
    query, key, value, _, _ = problem(3, 4, 1, 2, 0)
    nothing = Places(np.zeros((1, 3), "int32"), np.zeros((1, 3), "int32"))
    other = Places(np.ones((1, 4), "int32"), np.zeros((1, 4), "int32"))

    def total(arrays):
        return ours((*arrays, nothing, other)).sum()

    assert np.all(ours((query, key, value, nothing, other)) == 0)
    for gradient in jax.grad(total)((query, key, value)):
        assert np.all(gradient == 0)


def test_large_logits_neither_overflow_nor_lose_the_greatest():
    query, key, value, _, _ = problem(4, 4, 1, 1, 0)
    places = Places(np.ones((1, 4), "int32"), np.arange(4, dtype="int32")[None])
    found = ours((1e4 * query, key, value, places, places))
    greatest = np.einsum("btd,bsd->bts", query[:, :, 0], key[:, :, 0]).argmax(-1)
    np.testing.assert_allclose(
        found[:, :, 0], np.take_along_axis(value[:, :, 0], greatest[..., None], 1), atol=1e-5
    )


def test_dropout_multiplies_the_weights_of_a_head():
    """Values that are unit vectors give the weights themselves."""
    query, key, _, _, _ = problem(5, 5, 2, 2, 0)
    places = Places(np.ones((2, 5), "int32"), np.tile(np.arange(5, dtype="int32"), (2, 1)))
    value = np.tile(np.eye(5, dtype="float32")[None, :, None], (2, 1, 2, 1))
    dropout = Dropout.from_key(jax.random.key(0), 0.5, 2, 4)
    whole = ours((query, key, value, places, places))
    found = ours((query, key, value, places, places), dropout=dropout)
    factors = np.asarray(dropout.factors(places, places))
    assert set(np.unique(factors)) == {0, 2}
    np.testing.assert_allclose(found, whole * factors.swapaxes(1, 2), atol=1e-6)
    assert len({factors[row, head].tobytes() for row in range(2) for head in range(4)}) == 8


def test_dropout_drops_its_share_and_no_weight_like_another():
    places = Places(np.ones((1, 200), "int32"), np.arange(200, dtype="int32")[None])
    dropout = Dropout.from_key(jax.random.key(1), 0.2, 1, 1)
    dropped = np.asarray(dropout.factors(places, places))[0, 0] == 0
    assert abs(dropped.mean() - 0.2) < 0.01
    for axis in (0, 1):  # the shares of rows and columns scatter as independent draws do
        assert abs(dropped.mean(axis=axis).std() - np.sqrt(0.16 / 200)) < 0.005
    shares = [(dropped[1:, 1:] & dropped[:-1, :-1]).mean(), (dropped[1:] & dropped[:-1]).mean()]
    np.testing.assert_allclose(shares, 0.04, atol=0.01)


def test_softmax_is_float32_under_bfloat16():
    query, key, value, *places = jax.tree.map(jnp.asarray, problem(4, 6, 2, 2, 0))
    low = [array.astype(jnp.bfloat16) for array in (query, key, value)]
    jaxpr = jax.make_jaxpr(lambda *arrays: attention(*arrays, *places))(*low)
    exponentials = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "exp"]
    assert [e.invars[0].aval.dtype for e in exponentials] == [jnp.float32]
    assert jaxpr.out_avals[0].dtype == jnp.bfloat16
