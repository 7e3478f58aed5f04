"""Compiles every operation for a TPU, without one: `python -m experiments.tpu_compile.run`.

The real TPU compiler runs on any machine (`pip install 'jax[tpu]'`). Prints one JSON object a case:
the seconds it took to compile, the compiler's estimate of its time on the chip (loops by their trip
count, kernels as `seqjax.planning.kernels` says), and its temporaries.
"""

import json
import re
import sys
import time

import jax
from absl import flags
from absl.flags import FlagValues

from experiments.tpu_compile.cases import LARGE, SMALL, cases
from seqjax.command_line import run_command
from seqjax.planning import program
from seqjax.planning.kernels import forget_schedules, kernel_cycles
from seqjax.planning.topology import describe_slice


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_string("topology", "v5e:2x2", "the slice of the chips", flag_values=values)
    flags.DEFINE_string("only", "", "a pattern that the case's name must have", flag_values=values)
    flags.DEFINE_bool("small", False, "the sizes of the test suite", flag_values=values)


def main(values: FlagValues) -> None:
    """Prints the cases one after the other; ends with status 1 where one did not compile."""
    where = describe_slice(values.topology)
    jax.config.update("jax_enable_compilation_cache", False)
    failed = False
    for case in cases(SMALL if values.small else LARGE):
        if not re.search(values.only, case.name):
            continue
        row = {"case": case.name, "topology": where.name}
        forget_schedules()
        start = time.perf_counter()
        try:
            compiled = case.compiled(where.devices[0])
        except jax.errors.JaxRuntimeError as error:
            row["error"] = str(error).splitlines()[0]
            failed = True
        else:
            text = compiled.as_text()
            cycles = program.cycles(text) + kernel_cycles(text, where.chip.cores)
            row["compile_seconds"] = round(time.perf_counter() - start, 2)
            row["estimated_ms"] = round(1e3 * cycles / where.chip.cycles_per_second, 3)
            row["temporary_bytes"] = compiled.memory_analysis().temp_size_in_bytes
        print(json.dumps(row), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    run_command(define_flags, main)
