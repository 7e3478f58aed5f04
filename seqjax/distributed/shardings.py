"""From logical axis names to shardings over a mesh, in plain JAX."""

import math
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Int

from seqjax.distributed.config import MeshConfig
from seqjax.errors import UserError

Rules = tuple[tuple[str, tuple[str, ...]], ...]


def parameter_shardings(mesh: Mesh, config: MeshConfig, shapes: Any, logical_axes: Any) -> Any:
    """The sharding of every parameter, from the names of its axes.

    `shapes` and `logical_axes` are trees of the same form. An axis without a rule is whole on
    every device. UserError where two axes of an array are laid out along the same mesh axis, or
    the mesh axis does not divide the size.
    """
    rules = dict(config.rules)

    def sharding(path, shape, names):
        parameter = jax.tree_util.keystr(path, simple=True, separator="/")
        spec, used = [], {}
        for size, name in zip(shape.shape, names, strict=True):
            axes = rules.get(name, ())
            for axis in axes:
                if axis in used:
                    raise UserError(
                        f"mesh.rules lays both {used[axis]!r} and {name!r} of {parameter} out "
                        f"along {axis!r}: an array can use it once, so take it from one of them."
                    )
                used[axis] = name
            parts = math.prod(mesh.shape[axis] for axis in axes)
            if size % parts:
                raise UserError(
                    f"{parameter} has {size} entries along {name!r}, {size / parts:g} for each of "
                    f"{parts} devices along {'×'.join(axes)}: change the size, or mesh.{axes[0]}."
                )
            spec.append(axes or None)
        return NamedSharding(mesh, PartitionSpec(*spec))

    return jax.tree.map_with_path(sharding, shapes, logical_axes)


def replicated(mesh: Mesh) -> NamedSharding:
    """Whole on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, config: MeshConfig) -> NamedSharding:
    """Rows of a batch spread over the devices that hold different examples."""
    return NamedSharding(mesh, PartitionSpec(dict(config.rules)["batch"]))


def check_batch_size(mesh: Mesh, config: MeshConfig, field: str, batch_size: int) -> None:
    """One sentence where the rows of a global batch cannot be dealt out evenly."""
    axes = dict(config.rules)["batch"]
    shares = math.prod(mesh.shape[axis] for axis in axes)
    hosts = jax.process_count()
    if batch_size % shares:
        raise UserError(
            f"{field}={batch_size} cannot be dealt out: {batch_size} rows globally, "
            f"{batch_size / hosts:g} for each of {hosts} hosts, {batch_size / shares:g} for each "
            f"of {shares} devices along {'×'.join(axes)}; take a multiple of {shares}."
        )


def check_lengths(mesh: Mesh, config: MeshConfig, given: dict[str, tuple[int, ...]]) -> None:
    """One sentence where the padded steps that a model is given cannot be dealt out evenly."""
    pieces = math.prod(mesh.shape[axis] for axis in config.time)
    for column, lengths in given.items():
        for length in lengths:
            if length % pieces:
                raise UserError(
                    f"mesh.{config.time[0]}={pieces} cannot deal out the {length} steps that the "
                    f"model is given of {column}: {length / pieces:g} for each device; take "
                    f"lengths that are multiples of {pieces}, such as data.length, or "
                    f"data.max_length with data.buckets=1."
                )


def local_rows(sharding: NamedSharding, batch_size: int) -> Int[np.ndarray, " rows"]:
    """The rows of a global batch that the devices of this host hold, rising."""
    indices = sharding.addressable_devices_indices_map((batch_size,)).values()
    return np.unique(np.concatenate([np.arange(batch_size)[rows] for (rows,) in indices]))


def place_batch(
    sharding: NamedSharding, rows: dict[str, np.ndarray], batch_size: int
) -> dict[str, jax.Array | np.ndarray]:
    """The global batch of a step compiled for `sharding`, from the `local_rows` of this host.

    A single process hands its arrays over as they are: the step places them itself, in a fraction
    of the time that it takes to place them beforehand.
    """
    if jax.process_count() == 1:
        return rows
    held = local_rows(sharding, batch_size)

    def placed(array: np.ndarray) -> jax.Array:
        def part(index):
            wanted = np.arange(batch_size)[index[0]]
            first = np.searchsorted(held, wanted[0])
            return array[first : first + len(wanted)]

        return jax.make_array_from_callback((batch_size, *array.shape[1:]), sharding, part)

    return {name: placed(array) for name, array in rows.items()}
