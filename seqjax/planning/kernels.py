"""Cycles of the kernels in a program, which the compiler's estimates leave out.

XLA notes no cycles for a custom call. A Pallas kernel is a loop over a grid, and the compiler can
be asked to write down how many bundles of instructions, of which a core starts one a cycle, it has
scheduled for a step of that grid. Their product counts every step as one that does all its work:
the blocks which a mask hides, and the steps that only begin or end a row, as all others. What a
core waits for memory is not counted, and a loop inside of a step, of which attention has none, as
if it ran once.
"""

import base64
import math
import re
import tempfile
from functools import cache
from pathlib import Path

from seqjax.planning import program

_BODY = re.compile(r'"custom_call_config":\{"body":"([^"]*)"')
_SCHEDULE = "final_hlo-static-per-bundle-utilization"  # a line for each bundle, below a heading


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """Where this process's compiler writes its schedules; it is told so when it is loaded."""
    return tempfile.TemporaryDirectory(prefix="seqjax-plan-")


def compiler_flags() -> str:
    """What makes the TPU compiler write its schedules down."""
    return (
        f"--xla_jf_dump_to={_folder().name} --xla_jf_dump_llo_text=true "
        f"--xla_jf_dump_llo_pass_label_regex={_SCHEDULE}"
    )


def forget_schedules() -> None:
    """Before another program is compiled, whose kernels may have the same names."""
    for path in Path(_folder().name).iterdir():
        path.unlink()


def kernel_cycles(text: str, cores: int) -> int:
    """The cycles of all kernels in one call of a program that was just compiled.

    Several `cores` share the steps of a grid that has a parallel dimension.
    """
    total = 0
    for instruction, times, _, _ in program.executed(text):
        if body := _BODY.search(instruction.attributes):
            steps, parallel = _grid(base64.b64decode(body[1]))
            shared = -(-steps // cores) if parallel else steps
            total += times * shared * _bundles(instruction.name)
    return total


def _bundles(kernel: str) -> int:
    """How many cycles the compiler has scheduled for a step of the grid.

    Of equal kernels it schedules one, which may be any of those that differ in the number behind
    their name. Where there are several of these, the longest counts.
    """
    folder, name = Path(_folder().name), re.sub(r"\.\d+$", "", kernel)
    written = list(folder.glob(f"*-{kernel}-*{_SCHEDULE}.txt"))
    written = written or list(folder.glob(f"*-{name}*-*{_SCHEDULE}.txt"))
    if not written:
        raise LookupError(f"the TPU compiler wrote no schedule of the kernel {kernel}")
    return max(map(_lines_below_heading, written))


def _lines_below_heading(path: Path) -> int:
    return len(path.read_text().partition("UTILIZATION:\n")[2].splitlines())


def _grid(body: bytes) -> tuple[int, bool]:
    """How many steps a kernel's grid has, and whether cores may share them."""
    from jax.experimental.mosaic.dialects import tpu
    from jax.extend.mlir import ir

    with ir.Context() as context:
        context.allow_unregistered_dialects = True
        tpu.register_dialect(context)
        kernel = str(ir.Module.parse(body))
    bounds = re.search(r"iteration_bounds = array<i64: ([\d, ]+)>", kernel)
    steps = math.prod(map(int, bounds[1].split(","))) if bounds else 1
    return steps, "dimension_semantics<parallel>" in kernel
