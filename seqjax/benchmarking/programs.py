"""Programs that are measured: compiled, looked at, and run."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from seqjax import models
from seqjax.benchmarking.compiled_program import CompiledProgram
from seqjax.distributed.config import DEFAULT_RULES, MeshConfig
from seqjax.distributed.mesh import make_mesh
from seqjax.models.traced import flops


class Program(NamedTuple):
    """A function, how its arguments are made, and where on a mesh they lie.

    Its first `kept` arguments are consumed and come back as its first results; a call does `steps`
    times what is measured. Loops whose trip count the compiler does not know run `unknown_trips`
    times, on average.
    """

    function: Callable[..., Any]
    arguments: Callable[[], tuple[Any, ...]]
    mesh: Mesh
    layouts: tuple[PartitionSpec, ...]  # one an argument, for all its arrays
    kept: int = 0
    steps: int = 1
    unknown_trips: int | float = 1


def data_mesh(batch: int, devices: list[jax.Device]) -> Mesh:
    """A mesh that spreads a batch over the devices, or has the first where it does not divide."""
    return make_mesh(MeshConfig(), devices if batch % len(devices) == 0 else devices[:1])


class Compiled:
    """A compiled program: first what the compiler knows of it, then its calls."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._shardings = tuple(NamedSharding(program.mesh, spec) for spec in program.layouts)
        shapes = jax.tree.map(
            lambda sharding, tree: jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
            ),
            self._shardings,
            jax.eval_shape(program.arguments),
        )
        jitted = jax.jit(program.function, donate_argnums=tuple(range(program.kept)))
        with jax.set_mesh(program.mesh), models.logical_rules(DEFAULT_RULES):
            traced = jitted.trace(*shapes)
        start = time.perf_counter()
        self._execute = traced.lower().compile()
        self.compile_seconds = time.perf_counter() - start
        self._flops = flops(traced.jaxpr.jaxpr, unknown_trips=program.unknown_trips)
        self._text = CompiledProgram(self._execute.as_text(), program.unknown_trips)
        self._arguments: tuple[Any, ...] = ()

    @property
    def peak_bytes(self) -> int:
        """What the program holds at once on each device, as its compiler says."""
        memory = self._execute.memory_analysis()
        return (
            memory.argument_size_in_bytes
            + memory.output_size_in_bytes
            - memory.alias_size_in_bytes
            + memory.temp_size_in_bytes
        )

    def facts(self) -> dict[str, Any]:
        """Fields of a row: of a call, or of a step where a call does several."""
        steps = self.program.steps
        return {
            "compile_seconds": self.compile_seconds,
            "peak_bytes_per_device": self.peak_bytes,
            "temporary_bytes_per_device": self._execute.memory_analysis().temp_size_in_bytes,
            "flops": self._flops / steps,
            "bytes_per_device": self._text.bytes / steps,
            "depth": self._text.depth / steps,
            "arithmetic_depth": self._text.arithmetic_depth / steps,
            "loop_steps": self._text.loop_steps / steps,
            "loops_of_unknown_length": self._text.unknown_loops,
        }

    def allocate(self) -> None:
        """Makes the arguments."""
        make = jax.jit(self.program.arguments, out_shardings=self._shardings)
        self._arguments = make()

    def __call__(self) -> Any:
        """One call, which goes on from what the one before gave back."""
        kept = self.program.kept
        result = self._execute(*self._arguments)
        if kept:
            self._arguments = (*result[:kept], *self._arguments[kept:])
        return result
