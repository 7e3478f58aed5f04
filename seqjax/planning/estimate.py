"""From a compiled train step to the figures of a plan: estimates, no measurements."""

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

from seqjax import models
from seqjax.planning import program
from seqjax.planning.step import CompiledStep, model_flops
from seqjax.planning.topology import Slice


@dataclass(frozen=True)
class Exchange:
    """All collectives of one kind in an update."""

    count: int
    bytes: float  # that each device sends
    in_loops: int  # how many of the count are made inside of a loop


@dataclass(frozen=True)
class Plan:
    """What one update costs on a slice. Times are in seconds, sizes in bytes."""

    topology: str
    chips: int
    mesh: dict[str, int]
    parameters: int
    parameters_outside_embedding: int
    memory_per_chip: float
    memory_of_chip: float
    fits: bool
    flops_per_chip: float  # that the model asks for, recomputation not counted
    compute_seconds: float  # the compiler's cycles, loops counted by trip count
    kernel_seconds: float  # of these, those in kernels
    exchange_seconds: float  # bytes over the link's published rate, not overlapped with compute
    step_seconds: float  # the sum of both
    utilisation: float  # model FLOPs over what the chips could do in step_seconds
    tokens_per_second: float
    collectives: dict[str, Exchange]
    notes: tuple[str, ...]

    def hours(self, tokens: float) -> float:
        """The time on the slice that so many tokens take."""
        return tokens / self.tokens_per_second / 3600

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)


def estimate(step: CompiledStep, where: Slice) -> Plan:
    """Adds up what the compiler says of a step."""
    setup = step.setup
    total, outside = models.count_parameters(setup.model)
    flops = model_flops(setup.model, setup.steps, step.tokens) / where.chips
    kernels = step.kernel_cycles / where.chip.cycles_per_second
    compute = program.cycles(step.text) / where.chip.cycles_per_second + kernels
    found = exchanges(step.text)
    exchange = sum(kind.bytes for kind in found.values()) / where.link_rate
    seconds = compute + exchange
    memory = step.memory * where.devices_per_chip
    return Plan(
        topology=where.name,
        chips=where.chips,
        mesh=dict(setup.mesh.shape),
        parameters=total,
        parameters_outside_embedding=outside,
        memory_per_chip=memory,
        memory_of_chip=where.chip.memory,
        fits=memory <= where.chip.memory,
        flops_per_chip=flops,
        compute_seconds=compute,
        kernel_seconds=kernels,
        exchange_seconds=exchange,
        step_seconds=seconds,
        utilisation=flops / (seconds * where.chip.flops),
        tokens_per_second=step.tokens / seconds,
        collectives=found,
        notes=notes(step),
    )


def exchanges(text: str) -> dict[str, Exchange]:
    """The collectives of a program by their kind."""
    counts: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    in_loops: Counter[str] = Counter()
    for one in program.collectives(text):
        counts[one.kind] += one.times
        sent[one.kind] += one.times * one.sent
        in_loops[one.kind] += one.times if one.loops else 0
    return {kind: Exchange(counts[kind], sent[kind], in_loops[kind]) for kind in sorted(counts)}


def notes(step: CompiledStep) -> tuple[str, ...]:
    """What a reader of the plan would not see in its figures."""
    model, shape = step.setup.model, step.setup.mesh.shape
    sequential = {"rnn", "lstm", "gru"} & set(model.pattern)
    if shape["sequence"] > 1 and sequential:
        return (
            f"mesh.sequence={shape['sequence']} spreads no work of {', '.join(sorted(sequential))}:"
            f" each device runs through all {step.setup.steps} steps.",
        )
    return ()
