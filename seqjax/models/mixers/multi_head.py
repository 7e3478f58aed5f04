"""What every kind of multi-head attention shares: its heads and their projections."""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float

from seqjax.models.axes import by_device, device_axes, laid_out, time_axis, with_axes
from seqjax.models.mixers.mixer import Mixer
from seqjax.ops.attention import attention
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.positions import Arrangement, Places
from seqjax.ops.ring_attention import ring_attention

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

    def attend(
        self,
        query: Float[Array, "batch time heads size"],
        key: Float[Array, "batch steps kv_heads size"],
        value: Float[Array, "batch steps kv_heads size"],
        query_places: Places,
        key_places: Places,
        *,
        train: bool,
        causal: bool = False,
        window: int | None = None,
        slopes: Float[Array, " heads"] | None = None,
        arrangement: Arrangement = "any",
    ) -> Float[Array, "batch time heads size"]:
        """`attention`, by the config's method and with its dropout, each device on its own part.

        A loop over rows or a kernel is nothing that the compiler could divide by itself. Where the
        mesh spreads `time`, keys and values go round a ring of devices.
        """
        rate, dropout = self.config.attention_dropout, None
        if train and rate > 0:
            rng = self.make_rng("dropout")
            dropout = Dropout.from_key(rng, rate, len(query), self.config.heads)

        axis = time_axis(query.shape[1], key.shape[1])
        if axis is None:
            attend = partial(attention, arrangement=arrangement, method=self.config.attention)
        else:
            attend = partial(ring_attention, axis=axis)

        def of_part(query, key, value, query_places, key_places, slopes, dropout):
            return attend(
                query,
                key,
                value,
                query_places,
                key_places,
                causal=causal,
                window=window,
                slopes=slopes,
                dropout=dropout,
            )

        rows = device_axes("batch", len(query))
        heads = device_axes("heads", query.shape[2], key.shape[2])
        steps = P(rows, axis, heads)
        # One spec serves segments and positions, which may come as one row for all.
        query_places, key_places = (
            Places(*jnp.broadcast_arrays(*each)) for each in (query_places, key_places)
        )
        places = (
            P(rows if len(each.segment) == len(query) else None, axis)
            for each in (query_places, key_places)
        )
        return by_device(
            of_part,
            (steps, steps, steps, *places, P(heads), P(rows, heads)),
            steps,
            (query, key, value, query_places, key_places, slopes, dropout),
        )
