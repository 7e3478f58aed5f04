"""One block of the stack: a mixer, and the further sub-layers that the config asks for."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from seqjax.models.axes import laid_out, with_axes
from seqjax.models.config import ModelConfig
from seqjax.models.mixers import make_mixer
from seqjax.models.mixers.cross_attention import CrossAttention, Memory
from seqjax.models.mixers.mixer import Carry
from seqjax.models.norm import make_norm


class Context(NamedTuple):
    """What every block of a stack is given beside its input, as the contract of mixers has it."""

    mask: Bool[Array, "batch time"] | None
    reset: Bool[Array, "batch time"] | None
    memory: Float[Array, "batch steps features"] | None
    memory_mask: Bool[Array, "batch steps"] | None


class BlockCarry(NamedTuple):
    """What a block remembers of earlier chunks."""

    mixer: Carry
    memory: Memory | None = None  # what cross-attention looks at


class Block(nn.Module):
    """`x = sublayer(f, x)` for f the mixer, cross-attention and the feed-forward, in this order.

    A sub-layer f is `x + f(norm(x))` (pre), `norm(x + f(x))` (post, Vaswani et al. 2017) or
    `x + f(x)` (none), each without `x +` where `model.residual` is off.
    """

    config: ModelConfig
    mixer: str

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch time features"],
        carry: BlockCarry | None,
        context: Context,
        train: bool,
    ) -> tuple[Float[Array, "batch time width"], BlockCarry]:
        before = BlockCarry(None) if carry is None else carry
        mixer = make_mixer(self.mixer, self.config, name=self.mixer)

        def mix(x):
            return mixer(x, before.mixer, mask=context.mask, reset=context.reset, train=train)

        x, mixed = self.sublayer(mix, x, train, norm="mixer_norm")
        memory = None
        if self.config.cross_attention:
            cross_attention = CrossAttention(self.config, name="cross_attention")

            def look(x):
                return cross_attention(x, before.memory, **context._asdict(), train=train)

            x, memory = self.sublayer(look, x, train, norm="cross_attention_norm")
        if self.config.feed_forward != "none":
            feed_forward = FeedForward(self.config, name="feed_forward")
            x, _ = self.sublayer(
                lambda x: (feed_forward(x), None), x, train, norm="feed_forward_norm"
            )
        x = laid_out(x, "batch", "time", "activation")
        return x, BlockCarry(mixed, memory)

    def sublayer(
        self,
        function: Callable[[Array], tuple[Array, Carry]],
        x: Array,
        train: bool,
        *,
        norm: str,
    ) -> tuple[Array, Carry]:
        """`function` with the norm and the residual of the config around it."""
        config = self.config
        normed = make_norm(config, name=norm)(x) if config.norm == "pre" else x
        y, carry = function(normed)
        y = nn.Dropout(config.dropout)(y, deterministic=not train)
        if config.residual:
            y = x + y
        if config.norm == "post":
            y = make_norm(config, name=norm)(y)
        return y, carry


class FeedForward(nn.Module):
    """`W₂ σ(W₁ x + b₁) + b₂` (Vaswani et al. 2017, equation 2), or the article's `σ(W x + b)`.

    σ is ReLU, its square (So et al. 2021, section 4.2), or GELU; `model.bias` may leave b out.
    """

    config: ModelConfig

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch time features"]
    ) -> Float[Array, "batch time features"]:
        config = self.config
        activation = {
            "relu": jax.nn.relu,
            "squared_relu": lambda x: jnp.square(jax.nn.relu(x)),
            "gelu": lambda x: jax.nn.gelu(x, approximate=False),
        }[config.activation]
        if config.feed_forward == "one_layer":
            return activation(self.linear("layer", x.shape[-1], ("embed", "feed_forward"))(x))
        inner = self.linear("inner", config.feed_forward_size, ("embed", "feed_forward"))(x)
        inner = laid_out(inner, "batch", "time", "feed_forward")
        return self.linear("outer", x.shape[-1], ("feed_forward", "embed"))(activation(inner))

    def linear(self, name: str, size: int, axes: tuple[str, str]) -> nn.Dense:
        """A dense layer whose kernel has the logical `axes`."""
        return nn.Dense(
            size,
            use_bias=self.config.bias,
            dtype=self.config.dtype,
            kernel_init=with_axes(nn.initializers.xavier_uniform(), axes),
            bias_init=with_axes(nn.initializers.zeros, axes[1:]),
            name=name,
        )
