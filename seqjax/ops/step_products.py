"""One product with all steps at once, `x_t W`, and its gradients, each as one product.

Autodiff would compute the gradient of `W` from the other side, for which a CPU first transposes the
gradient of all steps: the largest array of a recurrent layer.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


@jax.custom_vjp
def product_of_steps(
    x: Float[Array, "time batch features"], weight: Float[Array, "features outputs"]
) -> Float[Array, "time batch outputs"]:
    """`x_t W`, in the dtype of both."""
    return jnp.einsum("tbf,fo->tbo", x, weight)


def _forward(x, weight):
    return product_of_steps(x, weight), (x, weight)


def _backward(saved, gradient):
    x, weight = saved
    to_x = jnp.einsum("tbo,fo->tbf", gradient, weight)
    return to_x.astype(x.dtype), gradient_of_weight(x, gradient).astype(weight.dtype)


product_of_steps.defvjp(_forward, _backward)


def gradient_of_weight(
    x: Float[Array, "time batch features"], gradient: Float[Array, "time batch outputs"]
) -> Float[Array, "features outputs"]:
    """`Σ x_tᵀ g_t` over all steps and rows, summed in float32."""
    # In the order of memory: the other order, an einsum's, would have both arrays copied.
    return lax.dot_general(
        x, gradient, (((0, 1), (0, 1)), ((), ())), preferred_element_type=jnp.float32
    )
