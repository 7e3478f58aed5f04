"""From tokens or frames to the vectors that enter the first block."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from seqjax.models.axes import laid_out, with_axes
from seqjax.models.config import ModelConfig
from seqjax.models.norm import make_norm
from seqjax.ops.positions import sinusoidal

Inputs = Int[Array, "batch time"] | Float[Array, "batch time frame"]


class Frontend(nn.Module):
    """Embeds tokens or projects frames, scales, drops some whole, adds positions, drops out.

    `model.embedding_scale`: `sqrt` multiplies by `√d` (Vaswani et al. 2017, 3.4); `article` is
    `h/√d ⊙ LayerNorm(h)`.
    """

    config: ModelConfig

    def setup(self):
        config = self.config
        if config.vocabulary_size:
            self.embedding = self.table(config.vocabulary_size, "vocabulary")
        elif config.embedding_size:
            self.projection = nn.Dense(
                config.embedding_size,
                dtype=config.dtype,
                kernel_init=with_axes(nn.initializers.lecun_normal(), ("frame", "embed")),
                bias_init=with_axes(nn.initializers.zeros, ("embed",)),
            )
        if config.embedding_scale == "article":
            self.scale_norm = make_norm(config)
        if config.positions == "learned":
            self.positions = self.table(config.max_positions, "positions")
        self.token_dropout = nn.Dropout(config.token_dropout, broadcast_dims=(-1,))
        self.dropout = nn.Dropout(config.dropout)

    def table(self, rows: int, axis: str) -> nn.Embed:
        """A table of vectors, one for each token or position."""
        size = self.config.embedded_size
        return nn.Embed(
            rows,
            size,
            dtype=self.config.dtype,
            embedding_init=with_axes(nn.initializers.normal(size**-0.5), (axis, "embed")),
        )

    def look_up(
        self, table: nn.Embed, axis: str, rows: Int[Array, "batch time"]
    ) -> Float[Array, "batch time embedding"]:
        """The vectors of tokens or positions."""
        # Gathered from rows that are whole: what is looked up is spread over other devices.
        vectors = laid_out(table.embedding.astype(self.config.dtype), axis, None)
        return jnp.take(vectors, rows, axis=0)

    def __call__(
        self, inputs: Inputs, positions: Int[Array, "batch time"], *, train: bool
    ) -> Float[Array, "batch time embedding"]:
        config = self.config
        size = config.embedded_size
        if config.vocabulary_size:
            x = self.look_up(self.embedding, "vocabulary", inputs)
        elif config.embedding_size:
            x = self.projection(inputs)
        else:
            x = inputs.astype(config.dtype)
        if config.embedding_scale == "sqrt":
            x = x * jnp.asarray(size**0.5, x.dtype)
        elif config.embedding_scale == "article":
            x = x * jnp.asarray(size**-0.5, x.dtype) * self.scale_norm(x)
        x = self.token_dropout(x, deterministic=not train)
        if config.positions == "sinusoidal":
            x = x + sinusoidal(positions, size).astype(x.dtype)
        elif config.positions == "learned":
            x = x + self.look_up(self.positions, "positions", positions)
        return self.dropout(x, deterministic=not train)
