"""The kernel for TPUs, interpreted here: the numbers of the plain form, in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops.attention import attention
from seqjax.ops.attention_kernel import kernel_attention, serves
from seqjax.ops.positions import Places

TIME, SIZE = 256, 128


@pytest.mark.parametrize(
    ("causal", "window", "packed", "kv_heads"),
    [(True, None, False, 2), (False, 60, True, 1)],
)
def test_it_gives_what_the_plain_form_gives(causal, window, packed, kv_heads):
    random = np.random.default_rng(0)
    query, key, value, weight = (
        jnp.asarray(random.normal(size=(1, TIME, heads, SIZE)), jnp.float32)
        for heads in (2, kv_heads, kv_heads, 2)
    )
    segment = jnp.where(jnp.arange(TIME) < 90, 1, 2 if packed else 1)[None]
    places = Places(segment, jnp.arange(TIME)[None])

    def plain(query, key, value):
        y = attention(query, key, value, places, places, causal=causal, window=window)
        return (y * weight).sum(), y

    def kernel(query, key, value):
        segments = segment if packed else None
        y = kernel_attention(
            query, key, value, segments, causal=causal, window=window, interpret=True
        )
        return (y * weight).sum(), y

    expected, found = (
        jax.jit(jax.grad(function, argnums=(0, 1, 2), has_aux=True))(query, key, value)
        for function in (plain, kernel)
    )
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(other, one, atol=2e-5)


def test_it_serves_tpus_whole_blocks_and_whole_lanes():
    assert serves("tpu", 2048, 128)
    assert not serves("cpu", 2048, 128)
    assert not serves("tpu", 2049, 128)
    assert not serves("tpu", 2048, 64)
