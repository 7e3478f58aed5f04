"""Reads the text of a compiled program: which instructions it runs, and how often each.

XLA prints a compiled program as computations of instructions. A `while` names the computation of
its body, and a loop of `lax.scan` has a trip count that its condition, or the compiler's note of
it, tells; so an instruction inside loops runs as often as their trip counts multiply to.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
BYTES = {"pred": 1, "s4": 0.5, "u4": 0.5, "bf16": 2, "token": 0, "opaque": 0}  # others: by bits

_HEADER = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$")
_INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_END = re.compile(r"\}(, execution_thread=.*)?$")
_SHAPE = re.compile(r"\b([a-z]\w*)\[([\d,]*)\]")
_CALLED = re.compile(
    r"\b(?:body|condition|to_apply|calls|true_computation|false_computation)=%?([\w.\-]+)"
)
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    opcode: str
    shapes: str  # of the result, as printed
    operands: tuple[str, ...]  # names; of a parameter, its number
    attributes: str  # what follows the operands
    root: bool  # whether it gives the computation's result


class Executed(NamedTuple):
    """An instruction and how often one call of the program runs it, in how many nested loops."""

    instruction: Instruction
    times: int
    loops: int
    fused: bool  # part of a fusion, which is an instruction itself


def parse(text: str) -> tuple[dict[str, list[Instruction]], str]:
    """The instructions of every computation, and the name of the one that a program starts in."""
    computations: dict[str, list[Instruction]] = {}
    entry, current = "", None
    for line in _whole_lines(text):
        if header := _HEADER.match(line):
            current = computations.setdefault(header[2], [])
            if header[1]:
                entry = header[2]
        elif line.startswith("}"):
            current = None
        elif current is not None and (found := _INSTRUCTION.match(line)):
            current.append(_instruction(found[2], found[3], root=bool(found[1])))
    if not entry:
        raise ValueError("the text has no ENTRY computation: it is not that of a compiled program")
    return computations, entry


def _whole_lines(text: str) -> Iterator[str]:
    """The lines, those that the metadata of a kernel breaks put together again."""
    whole = ""
    for line in text.splitlines():
        goes_on = whole and not _INSTRUCTION.match(line) and not _END.match(line)
        if whole and not goes_on:
            yield whole
            whole = ""
        if goes_on or _INSTRUCTION.match(line):
            whole += line
        else:
            yield line


def executed(text: str) -> Iterator[Executed]:
    """Every instruction that a program runs.

    Of the branches of a `conditional` all are counted, as if each were taken. A loop whose trip
    count cannot be read counts once (`lax.while_loop` with a condition on data).
    """
    computations, entry = parse(text)

    def walk(name: str, times: int, loops: int, fused: bool) -> Iterator[Executed]:
        for instruction in computations.get(name, ()):
            yield Executed(instruction, times, loops, fused)
            trips, deeper = 1, loops
            if instruction.opcode == "while":
                trips, deeper = trip_count(instruction, computations) or 1, loops + 1
            within = fused or instruction.opcode == "fusion"
            for name in called(instruction):
                yield from walk(name, times * trips, deeper, within)

    return walk(entry, 1, 0, False)


def trip_count(loop: Instruction, computations: dict[str, list[Instruction]]) -> int | None:
    """How often a `while` runs its body; None where that depends on data.

    Either the compiler noted it, or the condition compares a counter, which `lax.scan` starts at 0,
    with a constant.
    """
    if noted := re.search(r'"known_trip_count":\{"n":"(\d+)"\}', loop.attributes):
        return int(noted[1])
    condition = re.search(r"\bcondition=%?([\w.\-]+)", loop.attributes)[1]
    instructions = {i.name: i for i in computations.get(condition, ())}
    compares = [i for i in instructions.values() if i.opcode == "compare"]
    if len(compares) != 1 or "direction=LT" not in compares[0].attributes:
        return None
    limits = [instructions[name] for name in compares[0].operands if name in instructions]
    constants = [i for i in limits if i.opcode == "constant"]
    return int(constants[0].operands[0]) if len(constants) == 1 else None


def sequential_steps(text: str) -> int:
    """How many loop iterations must follow one another: nested loops multiply, others add up."""
    computations, entry = parse(text)

    def steps(name: str) -> int:
        total = 0
        for instruction in computations.get(name, ()):
            within = sum(steps(inner) for inner in called(instruction))
            if instruction.opcode == "while":
                total += (trip_count(instruction, computations) or 1) * max(1, within)
            else:
                total += within
        return total

    return steps(entry)


class Collective(NamedTuple):
    """An exchange between devices."""

    kind: str  # one of COLLECTIVES
    times: int
    loops: int
    group: int  # devices that take part in it together
    sent: float  # bytes that each device sends over its links in one of these


def collectives(text: str) -> list[Collective]:
    """Every exchange that one call of a program makes.

    In a group of n, a ring sends `2 (n-1)/n` of the data for an all-reduce, and `(n-1)/n` of the
    whole for a gather, a scatter and an all-to-all (Thakur et al. 2005, section 4).
    """
    found = []
    for instruction, times, loops, _ in executed(text):
        kind = instruction.opcode.removesuffix("-start")
        if kind not in COLLECTIVES:
            continue
        group = _group_size(instruction.attributes)
        shapes = instruction.shapes
        if instruction.opcode.endswith("-start") and shapes.startswith("("):
            shapes = _result_of_start(shapes)
        size = size_in_bytes(shapes)
        share = (group - 1) / group
        sent = {
            "all-reduce": 2 * share * size,
            "all-gather": share * size,
            "reduce-scatter": (group - 1) * size,  # the result is one part of the whole
            "all-to-all": share * size,
            "collective-permute": size,
        }[kind]
        found.append(Collective(kind, times, loops, group, sent))
    return found


def cycles(text: str) -> int:
    """The TPU compiler's estimate of the cycles of one call, loops counted by trip count.

    It has none for kernels: see `seqjax.planning.kernels`.
    """
    total = 0
    for instruction, times, _, fused in executed(text):
        noted = re.search(r'"estimated_cycles":"(\d+)"', instruction.attributes)
        if noted and not fused:
            total += times * int(noted[1])
    return total


def size_in_bytes(shapes: str) -> float:
    """The bytes of a printed shape, or of all the shapes of a printed tuple."""
    total = 0.0
    for dtype, sizes in _SHAPE.findall(shapes):
        size = math.prod(int(number) for number in sizes.split(",") if number)
        total += size * _bytes_of(dtype)
    return total


def _bytes_of(dtype: str) -> float:
    if dtype in BYTES:
        return BYTES[dtype]
    return int(re.search(r"\d+", dtype)[0]) / 8


def _instruction(name: str, rest: str, *, root: bool) -> Instruction:
    """Splits `SHAPES opcode(OPERANDS), ATTRIBUTES`, where shapes may be a tuple with brackets."""
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    shapes, rest = rest[:end], rest[end:].lstrip()
    start = rest.index("(")
    end = _closing(rest, start)
    operands = re.findall(r"%?([\w.\-]+)\s*(?:,|$)", rest[start + 1 : end])
    return Instruction(name, rest[:start], shapes, tuple(operands), rest[end + 1 :], root)


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place
    raise ValueError(f"a bracket is not closed in {text[start : start + 80]!r}")


def called(instruction: Instruction) -> list[str]:
    """The computations that an instruction runs, its condition and reducers aside."""
    if instruction.opcode == "while":
        return re.findall(r"\bbody=%?([\w.\-]+)", instruction.attributes)
    if instruction.opcode == "conditional":
        branches = _BRANCHES.findall(instruction.attributes)
        names = [name.strip(" %") for branch in branches for name in branch.split(",")]
        return names or _CALLED.findall(instruction.attributes)
    if instruction.opcode in ("fusion", "call", "async-start"):
        return _CALLED.findall(instruction.attributes)
    return []


def _result_of_start(shapes: str) -> str:
    """Of `(operands, results, …)`, what the asynchronous exchange will give.

    `all-reduce-start` has results alone, the others a pair of operands and results.
    """
    parts, depth, last = [], 0, 1
    for place, letter in enumerate(shapes):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if (letter == "," and depth == 1) or (letter == ")" and depth == 0):
            parts.append(shapes[last:place])
            last = place + 1
    return parts[1] if len(parts) > 1 else parts[0]


def _group_size(attributes: str) -> int:
    """The devices of a replica group, in each of the notations that XLA prints."""
    if axes := re.search(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}", attributes):
        sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", axes[1])}
        return math.prod(sizes[name] for name in re.findall(r"'(\w+)'", axes[2]))
    if tiles := re.search(r"replica_groups=\[(\d+),(\d+)\]<=", attributes):
        return int(tiles[2])
    if listed := re.search(r"replica_groups=\{\{([\d, ]*)\}", attributes):
        return len(listed[1].split(","))
    return 2 if "source_target_pairs" in attributes else 1
