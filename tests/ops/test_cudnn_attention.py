"""What cuDNN is asked for, by what JAX computes instead of it where there is no GPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops.attention import resolve_method
from seqjax.ops.cudnn_attention import cudnn_attention, serves
from seqjax.ops.plain_attention import plain_attention
from seqjax.ops.positions import step_places

BATCH, TIME = 2, 8


@pytest.mark.parametrize(("causal", "window", "packed"), [(True, 3, True), (False, None, False)])
def test_it_is_asked_for_the_same_attention(causal, window, packed):
    random = np.random.default_rng(0)
    query, key, value, weight = (
        jnp.asarray(random.normal(size=(BATCH, TIME, heads, 8)), jnp.float32)
        for heads in (4, 2, 2, 4)
    )
    ones, masked = jnp.ones(BATCH, jnp.int32), jnp.arange(TIME)[None] < jnp.array([[8], [6]])
    reset = jnp.zeros((BATCH, TIME), bool).at[0, 4].set(True)
    places, _, _ = step_places(ones, 0 * ones, TIME, *((masked, reset) if packed else ()))

    def plain(*arrays):
        return plain_attention(*arrays, places, places, causal=causal, window=window)

    def asked_for(*arrays):
        segment = places.segment if packed else None
        settings = {"causal": causal, "window": window, "implementation": "xla"}
        y = cudnn_attention(*arrays, segment, **settings)
        return jnp.where((places.segment > 0)[..., None, None], y, 0)

    def results(form):
        def loss(*arrays):
            return (form(*arrays) * weight).sum()

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(query, key, value)

    expected, found = results(plain), results(asked_for)
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_it_serves_gpus_with_half_the_precision():
    assert serves("gpu", 64, "bfloat16")
    assert not serves("cpu", 64, "bfloat16")
    assert not serves("gpu", 64, "float32")
    assert not serves("gpu", 12, "bfloat16")
    assert resolve_method("gpu", time=16, head_size=64, dtype="bfloat16") == "kernel"


def test_without_it_long_sequences_go_in_blocks():
    def resolved(platform, time):
        return resolve_method(platform, time=time, head_size=64, dtype="float32")

    for platform in ("cpu", "gpu", "tpu"):
        assert resolved(platform, 16) == "plain"
        assert resolved(platform, 4096) == "blockwise"
