"""Names for the axes of parameters and activations, which the rules of a mesh lay out.

A context of `seqjax.models.logical_rules` gives the mesh axes of each name; a name without a rule
is whole on every device.

parameters and activations: `embed` (features between blocks, of a parameter), `heads`, `kv_heads`,
`head` (features of one), `feed_forward`, `inner` (features inside a linear recurrence),
`vocabulary`; of parameters alone: `recurrent` (rows of a recurrent matrix) and others that no rule
is meant for; of activations alone: `batch`, `time`, `activation` (features between blocks).
"""

import math
from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from jax.sharding import PartitionSpec


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


def device_axes(name: str, *sizes: int) -> tuple[str, ...]:
    """The mesh axes that a logical axis is spread over: none where they do not divide its sizes."""
    mesh = jax.sharding.get_abstract_mesh()
    axes = nn.logical_to_mesh_axes((name,))[0] or ()
    axes = (axes,) if isinstance(axes, str) else axes
    axes = tuple(axis for axis in axes if axis in mesh.shape)
    parts = math.prod(mesh.shape[axis] for axis in axes)
    return axes if all(size % parts == 0 for size in sizes) else ()


def time_axis(*lengths: int) -> str | None:
    """The mesh axis that steps are spread over: none where it does not divide the lengths."""
    mesh = jax.sharding.get_abstract_mesh()
    spread = [axis for axis in device_axes("time", *lengths) if mesh.shape[axis] > 1]
    return spread[0] if spread and not mesh.manual_axes else None


def by_device(
    function: Callable,
    in_specs: tuple[PartitionSpec, ...],
    out_specs: PartitionSpec | tuple[PartitionSpec, ...],
    arguments: tuple,
) -> Any:
    """`function(*arguments)`, each device by itself on the part that the specs give it.

    For what the compiler cannot divide among devices by itself, such as a kernel.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.manual_axes or mesh.size == 1:
        return function(*arguments)
    divided = jax.shard_map(function, in_specs=in_specs, out_specs=out_specs, check_vma=False)
    return divided(*arguments)
