"""Plans a run on a TPU slice before renting it: `python -m seqjax.plan --config C --topology S`.

Compiles the real train step with the real TPU compiler, on any machine, and prints its memory, an
estimate of its time, and what the devices exchange. Exit status 3 where it does not fit.
"""

import json
import sys

import jax
from absl import flags
from absl.flags import FlagValues
from rich.console import Console
from rich.table import Table

from seqjax.command_flags import config_of, define_config
from seqjax.command_line import run_command
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.errors import UserError
from seqjax.planning.estimate import Plan, estimate
from seqjax.planning.search import search, spelled, verdict
from seqjax.planning.step import OutOfMemory, compile_step
from seqjax.planning.topology import describe_slice
from seqjax.training.config import Config

STATUS_DOES_NOT_FIT = 3


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    define_config(values)
    flags.DEFINE_string(
        "topology", None, "the slice, as in v5e:4x4 or v5p:4x4x4", flag_values=values
    )
    flags.DEFINE_float("tokens", None, "print the hours that so many take", flag_values=values)
    flags.DEFINE_bool("search", False, "try other shapes of the mesh", flag_values=values)
    flags.DEFINE_bool("json", False, "print one JSON object", flag_values=values)


def main(values: FlagValues) -> None:
    """Prints the plan; ends with status 3 where the step does not fit into a chip's memory."""
    config = config_of(values)
    if not values.topology:
        raise UserError("--topology is missing: name a slice, as in --topology v5e:4x4.")
    if values.tokens is not None and values.tokens <= 0:
        raise UserError(f"--tokens={values.tokens:g} must be above 0.")
    # The cycles of kernels are read from what the compiler writes while it compiles.
    jax.config.update("jax_enable_compilation_cache", False)
    where = describe_slice(values.topology)
    dataset = prepare(config.data, default_cache_folder())
    console = Console(stderr=True)

    def plan_of(candidate: Config) -> Plan:
        mesh = spelled(candidate.mesh) or "one device"
        with console.status(f"compiling for {where.name}, {mesh}: a minute or two"):
            return estimate(compile_step(candidate, dataset, where), where)

    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    try:
        plan: Plan | OutOfMemory = plan_of(config)
    except OutOfMemory as error:
        plan = error
    if values.search:
        tell(f"as configured: {verdict(plan)}")
        found = search(config, len(where.devices), plan_of, tell)
        if found and (_fits(found[0][1]) or not _fits(plan)):
            config, plan = found[0]
    if isinstance(plan, OutOfMemory):
        needed = plan.needed * where.devices_per_chip
        print(
            json.dumps({"topology": where.name, "fits": False, "memory_per_chip": needed})
            if values.json
            else f"{where.name}: needs {needed / 2**30:.1f} GiB a chip."
        )
    elif values.json:
        hours = {} if values.tokens is None else {"hours": plan.hours(values.tokens)}
        print(json.dumps(plan.to_dict() | hours))
    else:
        show(plan, values.tokens, Console())
    if not _fits(plan):
        tell(f"plan: {remedy(config, values.search)}")
        sys.exit(STATUS_DOES_NOT_FIT)


def _fits(plan: Plan | OutOfMemory) -> bool:
    return isinstance(plan, Plan) and plan.fits


def remedy(config: Config, searched: bool) -> str:
    """What would make a step fit that does not."""
    ways = ["a larger slice, or one of chips with more memory"]
    if config.train.accumulate == 1:
        ways.append("--config.train.accumulate=2 or more")
    if not searched:
        ways.insert(0, "--search, which tries other shapes of the mesh")
    return f"the step does not fit into a chip's memory; try {'; or '.join(ways)}."


def show(plan: Plan, tokens: float | None, console: Console) -> None:
    """A table for a person."""
    table = Table(title=f"{plan.topology}: {plan.chips} chips; estimates, not measurements")
    table.add_column("what")
    table.add_column("estimate", justify="right")
    gib = 2**30
    rows = {
        "mesh": " ".join(f"{axis}={size}" for axis, size in plan.mesh.items()),
        "parameters (outside the tables)": (
            f"{plan.parameters:,} ({plan.parameters_outside_embedding:,})"
        ),
        "memory a chip": (
            f"{plan.memory_per_chip / gib:.2f} of {plan.memory_of_chip / gib:.0f} GiB"
            f"{'' if plan.fits else ': does not fit'}"
        ),
        "model FLOPs a chip and step": f"{plan.flops_per_chip:.3g}",
        "step time": f"{plan.step_seconds * 1e3:,.1f} ms",
        "  compute": f"{plan.compute_seconds * 1e3:,.1f} ms",
        "    of that in kernels": f"{plan.kernel_seconds * 1e3:,.1f} ms",
        "  exchange, not overlapped": f"{plan.exchange_seconds * 1e3:,.1f} ms",
        "model FLOP utilisation": f"{plan.utilisation:.1%}",
        "tokens/s": f"{plan.tokens_per_second:,.0f}",
    }
    if tokens is not None:
        rows[f"hours for {tokens:,.0f} tokens"] = f"{plan.hours(tokens):,.1f}"
    for kind, exchange in plan.collectives.items():
        inside = f", {exchange.in_loops} in loops" if exchange.in_loops else ""
        rows[kind] = f"{exchange.count} times, {exchange.bytes / 2**20:,.1f} MiB a device{inside}"
    for what, figure in rows.items():
        table.add_row(what, figure)
    console.print(table)
    for note in plan.notes:
        console.print(note, highlight=False, markup=False)


if __name__ == "__main__":
    run_command(define_flags, main)
