"""The product with all steps, against an einsum and its autodiff."""

import jax
import jax.numpy as jnp
import numpy as np

from seqjax.ops.step_products import product_of_steps


def test_values_and_gradients_are_those_of_an_einsum():
    x, weight = (jax.random.normal(jax.random.key(k), s) for k, s in enumerate(((4, 3, 5), (5, 2))))
    ours, pull = jax.vjp(product_of_steps, x, weight)
    expected, pull_expected = jax.vjp(lambda x, w: jnp.einsum("tbf,fo->tbo", x, w), x, weight)
    for a, b in zip(
        (ours, *pull(jnp.sin(ours))), (expected, *pull_expected(jnp.sin(expected))), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)
