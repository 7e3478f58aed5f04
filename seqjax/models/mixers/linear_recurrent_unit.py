"""The linear recurrent unit, LRU (Orvieto et al. 2023, arXiv 2303.06349)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from seqjax.models.axes import with_axes
from seqjax.models.linear import make_linear
from seqjax.models.mixers.mixer import Recurrence, time_major, zero_masked
from seqjax.models.mixers.over_time import over_time
from seqjax.ops.linear_recurrence import linear_recurrence

# The ring on which eigenvalues start: units that forget over 10 to 1000 steps.
INNER_RADIUS, OUTER_RADIUS = 0.9, 0.999


class ComplexState(NamedTuple):
    """The parts of complex numbers."""

    real: Float[Array, "batch inner"]
    imaginary: Float[Array, "batch inner"]


class LRU(Recurrence):
    """`h_t = λ ⊙ h_{t-1} + γ ⊙ (B x_t)`, `y_t = Re(C h_t) + D x_t` (section 3.4, appendix A).

    h has `model.inner_size` complex numbers. `λ = exp(-exp(ν) + i exp(θ))` with ν and θ learned
    keeps |λ| below 1 (section 3.3); λ starts uniformly on a ring (lemma 3.2), or remembers for up
    to `model.chrono_length` steps. γ starts at `√(1 - |λ|²)`, which makes a state as large as its
    inputs, and is learned as its logarithm. D is a full matrix, so that inputs and outputs may
    differ in size.
    """

    def init_carry(self, batch_size: int, capacity: int) -> ComplexState:
        return ComplexState(*jnp.zeros((2, batch_size, self.config.inner_size), jnp.float32))

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        config, inner = self.config, self.config.inner_size
        longest = config.chrono_length - 1
        nu = self.vector("nu", partial(chrono_init, longest) if config.chrono_length else ring_init)
        theta = self.vector("theta", phase_init)
        gamma = self.vector("gamma", lambda key, shape: normalisation(nu))

        # Products of complex numbers as products of their real and imaginary parts.
        inputs = make_linear(config, "input", 2 * inner, ("embed", "inner"), bias=False)(x)
        real, imaginary = jnp.split(time_major(inputs).astype(jnp.float32), 2, axis=-1)
        inputs = jnp.exp(gamma)[None, None] * lax.complex(real, imaginary)
        eigenvalues = jnp.exp(lax.complex(-jnp.exp(nu), jnp.exp(theta)))
        carry = self.init_carry(x.shape[0], 0) if carry is None else carry
        steps, of_state = ("time", "batch", "inner"), ("batch", "inner")
        states, state = over_time(
            linear_recurrence,
            (jnp.broadcast_to(eigenvalues, inputs.shape), inputs, lax.complex(*carry)),
            (steps, steps, of_state),
            (steps, of_state),
            mask=time_major(mask),
            reset=time_major(reset),
            method=config.linear_recurrence,
        )
        states = time_major(jnp.concatenate([states.real, -states.imag], axis=-1))
        y = make_linear(config, "output", config.width, ("inner", "embed"), bias=False)(states)
        y = y + make_linear(config, "skip", config.width, ("features", "embed"), bias=False)(x)
        return zero_masked(y, mask), ComplexState(state.real, state.imag)

    def vector(self, name: str, init: nn.initializers.Initializer) -> Float[Array, " inner"]:
        """A parameter for each unit."""
        init = with_axes(init, ("inner",))
        return self.param(name, init, (self.config.inner_size,))


def ring_init(key: Array, shape: tuple[int, ...]) -> Float[Array, " inner"]:
    """ν such that |λ|² is uniform between the squared radii."""
    square = jax.random.uniform(key, shape, minval=INNER_RADIUS**2, maxval=OUTER_RADIUS**2)
    return jnp.log(-0.5 * jnp.log(square))


def chrono_init(longest: int, key: Array, shape: tuple[int, ...]) -> Float[Array, " inner"]:
    """ν such that |λ| is a gate σ(log τ), τ uniform from 1 to `longest` steps.

    As Tallec and Ollivier (2018, equation 16) start gates that are to remember for so long.
    """
    steps = jax.random.uniform(key, shape, minval=1.0, maxval=longest)
    return jnp.log(jnp.log1p(1 / steps))


def phase_init(key: Array, shape: tuple[int, ...]) -> Float[Array, " inner"]:
    """θ such that the angle is uniform on the circle."""
    return jnp.log(2 * jnp.pi * jax.random.uniform(key, shape, minval=1e-6))


def normalisation(nu: Float[Array, " inner"]) -> Float[Array, " inner"]:
    """`log √(1 - |λ|²)`."""
    return 0.5 * jnp.log(-jnp.expm1(-2 * jnp.exp(nu)))
