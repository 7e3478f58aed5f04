"""A slice of TPUs as the TPU compiler sees it, on a machine that has none."""

import importlib.util
import math
import os
import re
from dataclasses import dataclass

import jax

from seqjax.errors import UserError, did_you_mean
from seqjax.planning.chips import CHIPS, Chip
from seqjax.planning.kernels import compiler_flags

# libtpu would ask Google's metadata server what machine it runs on, and wait long where there is
# none; what it is told of the machine has no effect on the slice that it compiles for.
NO_TPU_HERE = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_MIN_LOG_LEVEL": "3",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # several plans at a time
}


@dataclass(frozen=True)
class Slice:
    """A slice named `GENERATION:AxB[xC]`, its chips and the devices that a mesh is made of.

    A chip of v4 and tpu7x is two devices to the compiler, of all others one.
    """

    name: str
    chip: Chip
    shape: tuple[int, ...]
    devices: list[jax.Device]

    @property
    def chips(self) -> int:
        """The number of chips."""
        return math.prod(self.shape)

    @property
    def devices_per_chip(self) -> int:
        """How many devices share a chip's memory and its operations."""
        return len(self.devices) // self.chips

    @property
    def memory(self) -> float:
        """Bytes of HBM of each device."""
        return self.chip.memory / self.devices_per_chip

    @property
    def link_rate(self) -> float:
        """Bytes a second at which each chip hands data on around a ring of chips.

        Both directions of a link carry data where every dimension of the slice closes to a ring;
        on a line the end has one link to receive everything through.
        """
        rings = all(size % self.chip.wraps_at == 0 for size in self.shape if size > 1)
        return self.chip.link * (2 if rings else 1)


def describe_slice(name: str) -> Slice:
    """The slice of that name; UserError where there is none such, or no TPU compiler."""
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+){1,2})", name)
    if not match:
        raise UserError(
            f"--topology={name!r} is no slice: write GENERATION:AxB or AxBxC, as in v5e:4x4."
        )
    generation, shape = match[1], tuple(int(size) for size in match[2].split("x"))
    if generation not in CHIPS:
        raise UserError(
            f"--topology={name!r} has an unknown generation; {did_you_mean(generation, CHIPS)}"
        )
    chip = CHIPS[generation]
    if len(shape) != chip.dimensions:
        raise UserError(
            f"--topology={name!r} has {len(shape)} dimensions, and slices of {generation} have "
            f"{chip.dimensions}: write {'x'.join('4' * chip.dimensions)}, say."
        )
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(
            "The TPU compiler is not installed: pip install 'jax[tpu]' (it needs no TPU), or "
            "SEQJAX_ACCELERATOR=tpu ./launch.sh local --help."
        )
    os.environ.update(NO_TPU_HERE, LIBTPU_INIT_ARGS=compiler_flags())
    jax.config.update("jax_platforms", "cpu")
    from jax.experimental import topologies

    try:
        description = topologies.get_topology_desc(platform="tpu", topology_name=name)
    except Exception as error:  # jaxlib raises a JaxRuntimeError with the compiler's reason
        reason = str(error).splitlines()[0].partition(": ")[2] or str(error)
        raise UserError(f"--topology={name!r} is refused by the TPU compiler: {reason}.") from error
    return Slice(name, chip, shape, list(description.devices))
