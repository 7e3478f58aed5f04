"""How fast neighbouring trajectories of a recurrence part: its largest Lyapunov exponent."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.cell import Cell, State
from seqjax.ops.cell_steps import Steps, Weights, evaluate


def largest_lyapunov_exponent(
    cell: Cell,
    inputs: Float[Array, "time batch gates_hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    peepholes: tuple[Float[Array, " hidden"], ...] = (),
    transient: int = 0,
    seed: int = 0,
) -> Float[Array, " batch"]:
    """The mean of `log |J_t v|` over the steps of each row's trajectory, for a unit vector v.

    v starts in a random direction, drawn from `seed`, is carried along by the Jacobians and brought
    back to length 1 after every step (Benettin et al. 1980). The first `transient` steps, in which
    it turns towards the direction that grows fastest, are not counted. Above 0, small differences
    grow e-fold in one over the exponent steps; below 0 they are forgotten that fast.
    """
    weights = Weights(weight, bias, peepholes, None)
    start = jnp.stack(state)
    direction = jax.random.normal(jax.random.key(seed), start.shape)

    def step(carry, x):
        before, direction = carry

        def after(before):
            return evaluate(cell, Steps(x[None], None, None), weights, before[None])[0]

        state, moved = jax.jvp(after, (before,), (direction,))
        moved, length = _normalised(moved)
        return (state, moved), jnp.log(length)

    _, growth = lax.scan(step, (start, _normalised(direction)[0]), inputs)
    return growth[transient:].mean(0)


def _normalised(v):
    length = jnp.sqrt((v**2).sum((0, 2)))
    # A vector that was forgotten wholly has no direction left to follow.
    length = jnp.maximum(length, jnp.finfo(v.dtype).tiny)
    return v / length[None, :, None], length
