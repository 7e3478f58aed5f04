"""Windows, caches and grouped heads, one against the other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.models.config import ModelConfig
from seqjax.models.mixers import make_mixer

BATCH, TIME, WIDTH = 2, 9, 8
X = np.random.default_rng(0).normal(size=(BATCH, TIME, WIDTH)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 1, 1, 0, 1, 1], [1] * TIME], bool)


def mixer_of(kind: str, **settings):
    return make_mixer(kind, ModelConfig(pattern=(kind,), width=WIDTH, heads=4, **settings))


@functools.cache
def params_of(kv_heads: int = 0):
    mixer = mixer_of("attention", kv_heads=kv_heads)
    return jax.jit(mixer.init)(jax.random.key(0), X)


@functools.partial(jax.jit, static_argnums=0)
def apply(mixer, params, x, carry=None, mask=None):
    return mixer.apply(params, x, carry, mask=mask)


def streamed(mixer, params, capacity):
    """The outputs step by step, and the carry after the last."""
    carry, outputs = mixer.init_carry(BATCH, capacity), []
    for t in range(TIME):
        y, carry = apply(mixer, params, X[:, t : t + 1], carry, MASK[:, t : t + 1])
        outputs.append(y)
    return np.concatenate(outputs, axis=1), carry


def test_a_window_over_everything_is_full_attention():
    wide = mixer_of("local_attention", window=TIME)
    expected, _ = apply(mixer_of("attention"), params_of(), X)
    np.testing.assert_allclose(apply(wide, params_of(), X)[0], expected, atol=1e-6)


def test_a_window_of_one_sees_itself_alone():
    y, _ = apply(mixer_of("local_attention", window=1), params_of(), X)
    params = params_of()["params"]
    value = jnp.einsum("btf,fhd->bthd", X, params["value"]["kernel"].unbox())
    expected = jnp.einsum("bthd,hdf->btf", value, params["output"]["kernel"].unbox())
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_the_ring_holds_the_newest_real_steps():
    _, carry = streamed(mixer_of("local_attention", window=3), params_of(), TIME)
    assert carry.keys.shape == (BATCH, 3, 4, 2)
    assert np.sort(carry.places.position).tolist() == [[4, 5, 6], [6, 7, 8]]
    assert carry.length.tolist() == [7, 9]


def test_a_cache_that_is_too_small_gives_no_number_from_there_on():
    """For the rows that had more real steps than it holds."""
    y, carry = streamed(mixer_of("attention"), params_of(), capacity=4)
    expected, _ = apply(mixer_of("attention"), params_of(), X, None, MASK)
    beyond = (np.cumsum(MASK, axis=1) > 4) & np.asarray(MASK)
    assert carry.length.tolist() == [7, 9]
    assert np.isnan(y[beyond]).all()
    np.testing.assert_allclose(y[~beyond], expected[~beyond], atol=1e-5)


@pytest.mark.parametrize("kv_heads", [1, 2])
def test_grouped_heads_are_full_heads_that_repeat_theirs(kv_heads):
    params = params_of(kv_heads)
    y, _ = apply(mixer_of("attention", kv_heads=kv_heads), params, X)
    repeated = {
        name: jax.tree.map(
            lambda leaf: jnp.repeat(leaf, 4 // kv_heads, axis=-2), params["params"][name]
        )
        for name in ("key", "value")
    }
    expected, _ = apply(mixer_of("attention"), {"params": params["params"] | repeated}, X)
    np.testing.assert_allclose(y, expected, atol=1e-6)
