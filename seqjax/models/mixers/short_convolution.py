"""The short causal convolution inside a mixer."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from seqjax.models.axes import with_axes
from seqjax.models.config import ModelConfig
from seqjax.models.mixers.over_time import over_time
from seqjax.ops.short_convolution import short_convolution

Window = Float[Array, "batch earlier features"]


class ShortConvolution(nn.Module):
    """`y_t = Σ_j w_j ⊙ x_{t-j} + b` over `model.convolution_size` steps, each feature by itself."""

    config: ModelConfig
    features: str = "inner"  # the logical axis of what it runs over

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch time features"],
        window: Window,
        mask: Bool[Array, "batch time"] | None,
        reset: Bool[Array, "batch time"] | None,
    ) -> tuple[Float[Array, "batch time features"], Window]:
        taps, features = self.config.convolution_size, x.shape[-1]
        kernel = self.param(
            "kernel",
            with_axes(
                nn.initializers.variance_scaling(
                    1 / 3, "fan_in", "uniform", in_axis=0, out_axis=()
                ),
                ("taps", self.features),
            ),
            (taps, features),
            jnp.float32,
        )
        bias = self.param(
            "bias",
            with_axes(nn.initializers.zeros, (self.features,)),
            (features,),
            jnp.float32,
        )
        steps = ("batch", "time", self.features)
        y, window = over_time(
            short_convolution,
            (x, kernel, window),
            (steps, (None, self.features), ("batch", None, self.features)),
            (steps, ("batch", None, self.features)),
            mask=mask,
            reset=reset,
        )
        return y + bias[None, None].astype(y.dtype), window


def empty_window(config: ModelConfig, batch_size: int, features: int) -> Window:
    """The window of no history."""
    return jnp.zeros((batch_size, config.convolution_size - 1, features), jnp.float32)
