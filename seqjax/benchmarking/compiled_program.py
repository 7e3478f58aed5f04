"""What a compiled program says about itself: its depth and the bytes that it moves.

XLA's own cost analysis counts the body of a loop once; here it counts as often as it runs. A loop
whose trip count the compiler does not know (Newton's iterations, the blocks of keys that attention
looks at) runs as often as the caller says.
"""

from functools import cache, cached_property

from seqjax.planning.program import Instruction, called, parse, size_in_bytes, trip_count

# Neither computed nor moved: names for what is there.
FREE = (
    *("parameter", "constant", "iota", "partition-id", "replica-id"),
    *("tuple", "get-tuple-element", "bitcast", "after-all", "opt-barrier"),
)
ARITHMETIC = (
    *("add", "subtract", "multiply", "divide", "negate", "maximum", "minimum", "abs", "power"),
    *("exponential", "exponential-minus-one", "log", "log-plus-one", "tanh", "logistic", "sqrt"),
    *("rsqrt", "cosine", "sine", "erf", "dot", "reduce", "reduce-window", "custom-call"),
)
SLICES = ("dynamic-slice", "slice", "gather")


class CompiledProgram:
    """The text of an optimised program, read."""

    def __init__(self, text: str, unknown_trips: int | float = 1) -> None:
        self._unknown_trips = unknown_trips
        self._computations, self._entry = parse(text)
        self._depth = cache(self._depth_of)
        self._bytes = cache(self._bytes_of)

    @cached_property
    def depth(self) -> int:
        """The longest chain of kernels that wait for one another, loops as often as they run."""
        return round(self._depth(self._entry, "kernel"))

    @cached_property
    def arithmetic_depth(self) -> int:
        """The longest chain of operations that wait for one another, within kernels as well.

        A product of matrices or a sum counts as one.
        """
        return round(self._depth(self._entry, "operation"))

    @cached_property
    def loop_steps(self) -> int:
        """The iterations that run one after another, over all loops; nested ones multiply."""
        return round(self._depth(self._entry, "iteration"))

    @cached_property
    def bytes(self) -> int:
        """The bytes that all kernels read and write; of a buffer that is sliced, the slice."""
        return round(self._bytes(self._entry))

    @cached_property
    def unknown_loops(self) -> int:
        """The loops whose trip count the compiler does not know."""
        return sum(
            instruction.opcode == "while" and trip_count(instruction, self._computations) is None
            for instructions in self._computations.values()
            for instruction in instructions
        )

    def _trips(self, loop: Instruction) -> int | float:
        trips = trip_count(loop, self._computations)
        return self._unknown_trips if trips is None else trips

    def _depth_of(self, name: str, unit: str) -> int | float:
        ends: dict[str, int | float] = {}
        for instruction in self._computations[name]:
            start = max((ends.get(operand, 0) for operand in instruction.operands), default=0)
            ends[instruction.name] = start + self._own_depth(instruction, unit)
        return max(ends.values(), default=0)

    def _own_depth(self, instruction: Instruction, unit: str) -> int | float:
        opcode = instruction.opcode
        if called(instruction) and not (opcode == "fusion" and unit == "kernel"):
            within = max(self._depth(name, unit) for name in called(instruction))
            return self._trips(instruction) * max(within, 1) if opcode == "while" else within
        if unit == "operation":
            return int(opcode in ARITHMETIC)
        return int(unit == "kernel" and opcode not in FREE)

    def _bytes_of(self, name: str) -> float:
        beside = {instruction.name: instruction for instruction in self._computations[name]}
        return sum(self._own_bytes(instruction, beside) for instruction in beside.values())

    def _own_bytes(self, instruction: Instruction, beside: dict[str, Instruction]) -> float:
        if instruction.opcode in FREE:
            return 0
        size = size_in_bytes(instruction.shapes)
        operands = [
            size_in_bytes(beside[name].shapes) if name in beside else 0
            for name in instruction.operands
        ]
        if instruction.opcode == "fusion":
            (name,) = called(instruction)
            return self._fusion_bytes(self._computations[name], operands, size)
        if called(instruction):
            within = max(self._bytes(name) for name in called(instruction))
            return within * (self._trips(instruction) if instruction.opcode == "while" else 1)
        if instruction.opcode in SLICES:
            return 2 * size
        if instruction.opcode == "dynamic-update-slice":
            return 2 * operands[1]
        return sum(operands) + size

    def _fusion_bytes(
        self, instructions: list[Instruction], operands: list[float], size: float
    ) -> float:
        """What a fusion reads of each operand, and what it writes."""
        sizes = {each.name: size_in_bytes(each.shapes) for each in instructions}
        (root,) = (instruction for instruction in instructions if instruction.root)
        # Such a result is written in place.
        total = sizes[root.operands[1]] if root.opcode == "dynamic-update-slice" else size
        for parameter in instructions:
            if parameter.opcode == "parameter":
                uses = [each for each in instructions if parameter.name in each.operands]
                read = sum(_read(parameter.name, each, sizes) for each in uses)
                total += min(operands[int(parameter.operands[0])], read)
        return total


def _read(parameter: str, user: Instruction, sizes: dict[str, float]) -> float:
    """What an instruction inside a fusion reads of one of its parameters."""
    if user.operands[0] == parameter:
        if user.opcode in SLICES:
            return sizes[user.name]
        if user.opcode == "dynamic-update-slice":
            return 0
    return sizes[parameter]
