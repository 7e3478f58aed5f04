"""The contract of every mixer: the one part in which an RNN and a Transformer differ."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from seqjax.models.config import ModelConfig

Carry = Any


class Mixer(nn.Module):
    """Mixes the steps of a sequence: `mixer(x, carry) -> (y, carry)`.

    A causal mixer gives the same numbers for a whole sequence, for chunks of it and for one step
    at a time when the carry is handed on; so one call trains, prefills and streams. A mixer that
    is not causal takes no carry.
    """

    config: ModelConfig

    @property
    def causal(self) -> bool:
        """Whether no output depends on a later step."""
        raise NotImplementedError

    @property
    def output_size(self) -> int:
        """The number of output features."""
        return self.config.width

    def init_carry(self, batch_size: int, capacity: int) -> Carry:
        """The state of no history: of fixed size, or a cache with room for `capacity` steps.

        A cache that keeps all steps answers NaN, and never a wrong number, beyond its capacity.
        """
        raise NotImplementedError

    def __call__(
        self,
        x: Float[Array, "batch time features"],
        carry: Carry | None = None,
        *,
        mask: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        memory: Float[Array, "batch steps features"] | None = None,
        memory_mask: Bool[Array, "batch steps"] | None = None,
        train: bool = False,
    ) -> tuple[Float[Array, "batch time width"], Carry]:
        """The mixed steps and the carry after them; `carry=None` means no history.

        `mask` is true where a step is real: any other leaves the carry unchanged and gives zeros.
        `reset` is true where a new packed example begins, which sees nothing before it. `memory`
        is what cross-attention looks at, and `memory_mask` says which of its steps are real.
        """
        raise NotImplementedError


class Recurrence(Mixer):
    """A mixer whose carry is of a fixed size, and float32; it may also run backward in time."""

    @property
    def causal(self) -> bool:
        return True


def time_major(array: Array | None) -> Array | None:
    """`[batch, time, …]` as `[time, batch, …]`, or back."""
    return None if array is None else array.swapaxes(0, 1)


def zero_masked(
    y: Float[Array, "batch time width"], mask: Bool[Array, "batch time"] | None
) -> Float[Array, "batch time width"]:
    """`y` with zeros at the steps that are not real."""
    return y if mask is None else jnp.where(mask[..., None], y, 0)
