"""Attention in blocks: the plain form's numbers in value and gradient, a part of its memory."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.ops.attention import attention
from seqjax.ops.attention_blocks import Blocks, Form, blocks_in_turn, make_terms, reach_of
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.blockwise_attention import blockwise_attention
from seqjax.ops.plain_attention import plain_attention
from seqjax.ops.positions import Places, step_places
from seqjax.ops.visibility import visible

# What is compared does not depend on how well it is compiled, and compiling well takes long.
pytestmark = pytest.mark.usefixtures("quickly")
BATCH, SIZE, VALUE = 2, 4, 3


class Case(NamedTuple):
    """What two forms are compared on; `steps`: of a memory, where it is not the queries' own."""

    time: int
    blocks: Blocks
    steps: int | None = None
    kv_heads: int = 2
    group: int = 1
    causal: bool = False
    window: int | None = None
    alibi: bool = False
    dropout: bool = False
    dtype: str = "float32"


CASES = {
    "causal, shared keys": Case(13, Blocks(1, 4, 3), causal=True, group=2),
    "a window, ragged": Case(19, Blocks(2, 3, 4), causal=True, window=5),
    "a window both ways, slopes": Case(12, Blocks(1, 2, 5), window=3, alibi=True, group=2),
    "a memory": Case(5, Blocks(1, 2, 4), steps=11, kv_heads=1, group=3),
    "dropout, causal": Case(9, Blocks(1, 4, 2), causal=True, dropout=True, group=2),
    "bfloat16": Case(12, Blocks(2, 4, 8), causal=True, group=2, dtype="bfloat16"),
}


BLOCKWISE = {name: partial(blockwise_attention, blocks=case.blocks) for name, case in CASES.items()}


def problem(case, seed):
    """Queries, keys, values, flags of packed examples with gaps, and what weighs the outputs."""
    random = np.random.default_rng(seed)
    steps, heads = case.steps or case.time, case.kv_heads * case.group

    def normal(length, heads, size):
        return random.normal(size=(BATCH, length, heads, size)).astype(jnp.dtype(case.dtype))

    def flags(length):
        return random.random((BATCH, length)) < 0.8, random.random((BATCH, length)) < 0.15

    arrays = normal(case.time, heads, SIZE), normal(steps, case.kv_heads, SIZE)
    arrays = *arrays, normal(steps, case.kv_heads, VALUE)
    return arrays, flags(case.time), flags(steps), normal(case.time, heads, VALUE)


def places_of(flags):
    """The places of steps with these masks and resets."""
    ones = jnp.ones(BATCH, jnp.int32)
    return step_places(ones, ones, flags[0].shape[1], *flags)[0]


@cache
def compiled(name, form):
    """`form` of attention for a case: its outputs and gradients, as one program."""
    case = CASES[name]
    heads = case.kv_heads * case.group
    slopes = jnp.linspace(0.1, 1.5, heads) if case.alibi else None
    key = jax.random.key(1)
    dropout = Dropout.from_key(key, 0.4, BATCH, heads) if case.dropout else None

    def loss(arrays, flags, memory_flags, weight):
        places = places_of(flags)
        y = form(
            *arrays,
            places,
            places if case.steps is None else places_of(memory_flags),
            causal=case.causal,
            window=case.window,
            slopes=slopes,
            dropout=dropout,
        )
        return (y * weight).astype(jnp.float32).sum(), y

    problems = problem(case, 0)
    return jax.jit(jax.grad(loss, has_aux=True)).lower(*problems).compile()


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=3)
@given(seed=st.integers(0, 999))
def test_it_gives_what_the_plain_form_gives(name, seed):
    case = CASES[name]
    problems = problem(case, seed)
    expected = compiled(name, plain_attention)(*problems)
    found = compiled(name, BLOCKWISE[name])(*problems)
    tolerance = 1e-5 if case.dtype == "float32" else 3e-2
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            np.float32(a), np.float32(b), rtol=tolerance, atol=tolerance * np.abs(b).max()
        )


@settings(max_examples=20)
@given(seed=st.integers(0, 999), causal=st.booleans(), window=st.sampled_from([None, 1, 4]))
def test_no_block_with_something_to_see_is_skipped(seed, causal, window):
    """And a block is called whole only if all of it is seen."""
    case = Case(20, Blocks(1, 4, 5))
    _, flags, _, _ = problem(case, seed)
    places = places_of(tuple(map(jnp.asarray, flags)))
    form = Form(causal, window, case.blocks)
    first, stop, whole = map(
        np.asarray, reach_of(form, make_terms(BATCH, places, places, None, None))
    )
    seen = np.asarray(visible(places, places, causal, window)).reshape(BATCH, 5, 4, 4, 5)
    for query, key in np.ndindex(5, 4):
        block = seen[:, query, :, key]
        assert first[query] <= key < stop[query] or not block.any()
        assert not whole[query, key] or block.all()


@pytest.mark.parametrize(
    ("causal", "window", "visited"),
    [
        (False, None, 64),
        (True, None, 36),
        (True, 9, 8 + 7),
        (True, 10, 8 + 7 + 6),
        (False, 8, 8 + 2 * 7),
    ],
)
def test_blocks_out_of_sight_are_skipped(causal, window, visited):
    form = Form(causal, window, Blocks(1, queries=8, keys=8))
    assert 8 * blocks_in_turn(form, 64) == visited


def test_a_query_that_sees_nothing_gets_zeros_and_finite_gradients():
    case = Case(6, Blocks(1, 2, 4))
    arrays = jax.tree.map(jnp.asarray, problem(case, 0)[0])
    nothing = Places(jnp.zeros((1, 6), jnp.int32), jnp.zeros((1, 6), jnp.int32))

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def results(arrays):
        y = blockwise_attention(*arrays, nothing, nothing, blocks=case.blocks)
        return y.sum(), y

    for array in jax.tree.leaves(results(arrays)):
        assert np.all(array == 0)


def test_large_logits_neither_overflow_nor_lose_the_greatest():
    query, key, value = map(jnp.asarray, problem(Case(8, Blocks(1, 2, 2)), 0)[0])
    places = Places(jnp.ones((1, 8), jnp.int32), jnp.arange(8)[None])
    found = blockwise_attention(1e4 * query, key, value, places, places, blocks=Blocks(1, 2, 2))
    greatest = np.einsum("btd,bsd->bts", query[:, :, 0], key[:, :, 0]).argmax(-1)
    np.testing.assert_allclose(
        found[:, :, 0], np.take_along_axis(value[:, :, 0], greatest[..., None], 1), atol=1e-5
    )


def test_its_memory_grows_as_time_and_not_as_its_square():
    """Temporaries of the compiled gradient, to which the plain form's square comes."""

    def temporaries(time, method):
        places = Places(jnp.ones((1, time), jnp.int32), jnp.arange(time)[None])

        def loss(*arrays):
            return attention(*arrays, places, places, causal=True, method=method).sum()

        arrays = [jax.ShapeDtypeStruct((1, time, 2, 16), jnp.float32)] * 3
        gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
        return gradient.lower(*arrays).compile().memory_analysis().temp_size_in_bytes

    blockwise = temporaries(2048, "blockwise")
    assert blockwise < temporaries(2048, "plain") / 20
    assert temporaries(4096, "blockwise") < 2.2 * blockwise
