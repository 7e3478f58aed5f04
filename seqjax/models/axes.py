"""Names for the axes of parameters and activations, which the rules of a mesh lay out.

A context of `seqjax.models.logical_rules` gives the mesh axes of each name; a name without a rule
is whole on every device.

parameters and activations: `embed` (features between blocks, of a parameter), `heads`, `kv_heads`,
`head` (features of one), `feed_forward`, `inner` (features inside a linear recurrence),
`vocabulary`; of parameters alone: `recurrent` (rows of a recurrent matrix) and others that no rule
is meant for; of activations alone: `batch`, `time`, `activation` (features between blocks).
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn


class Named(nn.LogicallyPartitioned):
    """A parameter in a box with the names of its axes, which only names them.

    Flax's own box also lays the parameter out wherever a mesh is set, with names that need not fit
    yet: a layer may make its kernel in two dimensions before it gives it three.
    """

    def unbox(self, apply_constraint: bool = True) -> Any:
        return self.value


def with_axes(initializer: Callable, names: tuple[str, ...]) -> Callable:
    """The initializer, its result boxed with the names of its axes."""
    return lambda *arguments: Named(initializer(*arguments), names)


def laid_out(x: jax.Array, *names: str | None) -> jax.Array:
    """`x`, whose axes have these names, spread over the mesh as the rules say.

    None, as a name without a rule, is whole on every device. Without rules nothing happens.
    """
    return nn.with_logical_constraint(x, names)
