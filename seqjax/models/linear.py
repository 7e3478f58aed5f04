"""Linear maps whose parameters carry logical axis names."""

from flax import linen as nn

from seqjax.models.axes import with_axes
from seqjax.models.config import ModelConfig


def make_linear(
    config: ModelConfig, name: str, size: int, axes: tuple[str, str], *, bias: bool = True
) -> nn.Dense:
    """`W x + b` of output size `size`, or `W x`, as `model.bias` may say for all.

    `axes` name the rows and the columns of W.
    """
    return nn.Dense(
        size,
        use_bias=bias and config.bias,
        dtype=config.dtype,
        kernel_init=with_axes(nn.initializers.lecun_normal(), axes),
        bias_init=with_axes(nn.initializers.zeros, axes[1:]),
        name=name,
    )
