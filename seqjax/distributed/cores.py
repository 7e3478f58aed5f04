"""A CPU as several devices, one a core, so that spreading a batch over devices uses all cores.

One device spreads its large products over the cores, but not the small ones of a recurrence's
steps, which a batch in as many parts as there are cores computes side by side.
"""

import math
import os

import jax

from seqjax.distributed.config import AXES, MeshConfig

VARIABLE = "JAX_NUM_CPU_DEVICES"


def divide_cpu(config: MeshConfig, batch_size: int) -> None:
    """Says into how many devices a CPU is divided; called before JAX looks for devices.

    Where neither `mesh.cpu_devices`, the mesh nor the environment says how many it is one a core,
    if they divide the `batch_size`, and else a single one. Several hosts are left as they are.
    """
    if _left_alone():
        return
    cores = own_cores()
    if config.cpu_devices:
        devices = config.cpu_devices
    elif -1 in _sizes(config) and cores % _fixed(config) == 0 and batch_size % cores == 0:
        devices = cores
    else:
        devices = _fixed(config)
    jax.config.update("jax_num_cpu_devices", devices)


def own_cores() -> int:
    """The cores that this process may use; all there are, where the system does not say which."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def may_use_fewer(config: MeshConfig) -> bool:
    """Whether nobody but `divide_cpu` has said how many devices there are."""
    unsaid = not config.cpu_devices and -1 in _sizes(config) and _fixed(config) == 1
    return unsaid and not _left_alone()


def _left_alone() -> bool:
    return VARIABLE in os.environ or jax.distributed.is_initialized()


def _sizes(config: MeshConfig) -> list[int]:
    return [getattr(config, axis) for axis in AXES]


def _fixed(config: MeshConfig) -> int:
    return math.prod(size for size in _sizes(config) if size > 0)


def divided_into(devices: list[jax.Device]) -> int:
    """The devices of one host where they are parts of its CPU, and else 0."""
    if devices[0].platform != "cpu":
        return 0
    return sum(device.process_index == devices[0].process_index for device in devices)
