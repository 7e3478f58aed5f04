"""Other shapes of the mesh, and which of them is best."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from seqjax.distributed.config import MeshConfig
from seqjax.errors import UserError
from seqjax.planning.estimate import Plan
from seqjax.planning.step import OutOfMemory
from seqjax.training.config import Config


def meshes(devices: int, batch_size: int) -> Iterator[MeshConfig]:
    """A few shapes worth trying, from the least exchange between devices to the least memory.

    Parameters whole on each device; parameters spread over all devices; in groups of 8; and both
    with 2, 4 or 8 devices sharing each layer.
    """
    seen = set()
    for tensor in (1, 2, 4, 8):
        if devices % tensor:
            continue
        rows = devices // tensor
        for fsdp in (1, rows, min(8, rows)) if tensor == 1 else (rows,):
            if rows % fsdp == 0 and batch_size % rows == 0 and (fsdp, tensor) not in seen:
                seen.add((fsdp, tensor))
                yield MeshConfig(data=rows // fsdp, fsdp=fsdp, tensor=tensor)


def search(
    config: Config, devices: int, plan_of: Callable[[Config], Plan], tell: Callable[[str], None]
) -> list[tuple[Config, Plan | OutOfMemory]]:
    """Plans `config` on every mesh of `meshes`, the best first.

    The best fits and has the most tokens a second; of those that do not fit, the one that needs
    the least memory comes first. Meshes that do not divide the model are passed over.
    """
    found: list[tuple[Config, Plan | OutOfMemory]] = []
    for mesh in meshes(devices, config.train.batch_size):
        candidate = replace(config, mesh=replace(mesh, rules=config.mesh.rules))
        try:
            plan: Plan | OutOfMemory = plan_of(candidate)
        except OutOfMemory as error:
            plan = error
        except UserError as error:
            tell(f"{spelled(mesh)}: {error}")
            continue
        found.append((candidate, plan))
        tell(f"{spelled(mesh)}: {verdict(plan)}")
    return sorted(found, key=lambda pair: _rank(pair[1]))


def _rank(plan: Plan | OutOfMemory) -> tuple[int, float]:
    if isinstance(plan, OutOfMemory):
        return 2, plan.needed
    return (0, -plan.tokens_per_second) if plan.fits else (1, plan.memory_per_chip)


def verdict(plan: Plan | OutOfMemory) -> str:
    """A plan in a few words."""
    if isinstance(plan, OutOfMemory):
        return f"needs {plan.needed / 2**30:.1f} GiB a device: does not fit"
    fits = "fits" if plan.fits else "does not fit"
    return (
        f"{plan.memory_per_chip / 2**30:.1f} of {plan.memory_of_chip / 2**30:.0f} GiB a chip "
        f"({fits}), {plan.tokens_per_second:,.0f} tokens/s, {plan.utilisation:.0%} utilisation"
    )


def spelled(mesh: MeshConfig) -> str:
    """The flags that ask for a mesh."""
    names = ("data", "fsdp", "tensor", "sequence")
    return " ".join(
        f"--config.mesh.{name}={getattr(mesh, name)}" for name in names if getattr(mesh, name) != 1
    )
