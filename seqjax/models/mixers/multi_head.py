"""What every kind of multi-head attention shares: its heads and their projections."""

import jax
from flax import linen as nn
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float, Int

from seqjax.models.axes import by_device, device_axes, laid_out, with_axes
from seqjax.models.mixers.mixer import Mixer
from seqjax.ops.attention_kernel import kernel_attention, serves
from seqjax.ops.platform import target_platform

projection_init = nn.initializers.xavier_uniform()


class MultiHead(Mixer):
    """`Concat(head_1 … head_h) W_O`, `head_i = Attention(x W_Q, x W_K, x W_V)`.

    Vaswani et al. 2017, section 3.2.2; with `model.kv_heads`, several query heads share each head
    of keys and values (Ainslie et al. 2023).
    """

    @property
    def head_size(self) -> int:
        """The size of one head's queries, keys and values."""
        return self.config.width // self.config.heads

    @property
    def kv_heads(self) -> int:
        """The number of heads of keys and values."""
        return self.config.kv_heads or self.config.heads

    def project(
        self, name: str, heads: int, x: Float[Array, "batch time features"]
    ) -> Float[Array, "batch time heads size"]:
        """A linear map from features to heads."""
        axis = "heads" if heads == self.config.heads else "kv_heads"
        x = nn.DenseGeneral(
            (heads, self.head_size),
            use_bias=self.config.bias,
            dtype=self.config.dtype,
            kernel_init=with_axes(projection_init, ("embed", axis, "head")),
            bias_init=with_axes(nn.initializers.zeros, (axis, "head")),
            name=name,
        )(x)
        return laid_out(x, "batch", "time", axis, "head")

    def output(self, x: Float[Array, "batch time heads size"]) -> Float[Array, "batch time width"]:
        """The linear map from heads to features."""
        x = laid_out(x, "batch", "time", "heads", "head")
        return nn.DenseGeneral(
            self.config.width,
            axis=(-2, -1),
            use_bias=self.config.bias,
            dtype=self.config.dtype,
            kernel_init=with_axes(projection_init, ("heads", "head", "embed")),
            bias_init=with_axes(nn.initializers.zeros, ("embed",)),
            name="output",
        )(x)

    def kernel_serves(self, time: int, train: bool) -> bool:
        """Whether `attend_by_kernel` can be called here, for whole sequences of `time` steps."""
        config = self.config
        return (
            config.attention == "kernel"
            and config.positions != "alibi"
            and not (train and config.attention_dropout)
            and serves(target_platform(), time, self.head_size)
        )

    def attend_by_kernel(
        self,
        query: Float[Array, "batch time heads size"],
        key: Float[Array, "batch time kv_heads size"],
        value: Float[Array, "batch time kv_heads size"],
        segment: Int[Array, "batch time"] | None,
        *,
        causal: bool,
        window: int | None,
    ) -> Float[Array, "batch time heads size"]:
        """`kernel_attention`, each device on its own rows and heads."""

        def of_part(query, key, value, segment):
            return kernel_attention(query, key, value, segment, causal=causal, window=window)

        rows = device_axes("batch", query.shape[0])
        steps = P(rows, None, device_axes("heads", query.shape[2], key.shape[2]))
        return by_device(
            of_part, (steps, steps, steps, P(rows)), steps, (query, key, value, segment)
        )

    def dropout_mask(
        self, shape: tuple[int, int, int, int], train: bool
    ) -> Float[Array, "batch heads time steps"] | None:
        """Factors 0 or 1/(1 - rate) for the attention weights, or None where nothing is dropped."""
        rate = self.config.attention_dropout
        if not train or rate == 0:
            return None
        kept = jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, shape)
        return kept / (1 - rate)
