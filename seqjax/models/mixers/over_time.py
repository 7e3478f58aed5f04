"""Recurrences whose time is spread over devices, each working on its own steps."""

from collections.abc import Callable, Sequence
from typing import Any

from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool

from seqjax.models.axes import by_device, device_axes, time_axis

Names = tuple[str | None, ...]


def over_time(
    operation: Callable[..., tuple[Array, ...]],
    arrays: Sequence[Array],
    names: Sequence[Names],
    results: Sequence[Names],
    *,
    mask: Bool[Array, "_ _"] | None,
    reset: Bool[Array, "_ _"] | None,
    **options: Any,
) -> tuple[Array, ...]:
    """`operation(*arrays, mask=mask, reset=reset, **options)`, or the same from pieces of its time.

    Where the mesh spreads `time`, each device runs it on its part, told the mesh axis as `axis`.
    `names` and `results` have the logical axes of arguments and results; `mask` and `reset` have
    the first two of the first argument. A time that the mesh does not divide, as a single step, is
    computed whole.
    """
    axis = time_axis(arrays[0].shape[names[0].index("time")])
    if axis is None:
        return operation(*arrays, mask=mask, reset=reset, **options)
    axes = {
        name: device_axes(name, size)
        for array, of_array in zip(arrays, names, strict=True)
        for size, name in zip(array.shape, of_array, strict=True)
        if name is not None
    }

    def piece(mask, reset, *arrays):
        return operation(*arrays, mask=mask, reset=reset, axis=axis, **options)

    def spec(names: Names) -> PartitionSpec:
        return PartitionSpec(*(axes.get(name) for name in names))

    flags = spec(names[0][:2])
    return by_device(
        piece,
        (flags, flags, *map(spec, names)),
        tuple(map(spec, results)),
        (mask, reset, *arrays),
    )
