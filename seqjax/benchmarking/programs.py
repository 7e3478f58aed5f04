"""The program of a cell: compiled, looked at, and run."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from seqjax import models
from seqjax.benchmarking.cells import Cell
from seqjax.benchmarking.compiled_program import CompiledProgram
from seqjax.distributed.config import DEFAULT_RULES, MeshConfig
from seqjax.distributed.mesh import make_mesh
from seqjax.models import ModelConfig, Params
from seqjax.models.traced import flops

DECODED = 16  # steps of a decoding program, which feeds each output back in


class Program(NamedTuple):
    """A function, how its arguments are made, and where on a mesh they lie.

    Its first `kept` arguments are consumed and come back as its first results; a call does `steps`
    times what is measured.
    """

    function: Callable[..., Any]
    arguments: Callable[[], tuple[Any, ...]]
    mesh: Mesh
    layouts: tuple[PartitionSpec, ...]  # one an argument, for all its arrays
    kept: int = 0
    steps: int = 1


def program_of(cell: Cell, devices: list[jax.Device]) -> Program:
    """The program of a cell; its batch is spread over the devices where they divide it."""
    config = cell.model()
    mesh = make_mesh(MeshConfig(), devices if cell.batch % len(devices) == 0 else devices[:1])
    rows, whole = PartitionSpec("data"), PartitionSpec()
    key = jax.random.key(0)

    def params() -> Params:
        return models.init(config, key)[0]

    def inputs(length: int) -> Float[Array, "batch time width"]:
        return jax.random.normal(key, (cell.batch, length, cell.width))

    if cell.work == "forward":
        return Program(
            partial(_forward, config),
            lambda: (params(), inputs(cell.length)),
            mesh,
            (whole, rows),
        )
    if cell.work == "train":
        optimizer = optax.adam(1e-3)
        return Program(
            partial(_train, config, optimizer),
            lambda: (params(), optimizer.init(params()), inputs(cell.length)),
            mesh,
            (whole, whole, rows),
            kept=2,
        )
    return Program(
        partial(_decode, config),
        lambda: (
            models.init_carry(config, cell.batch, cell.length + DECODED),
            inputs(1),
            params(),
        ),
        mesh,
        (rows, rows, whole),
        kept=2,
        steps=DECODED,
    )


class Compiled:
    """A compiled program: first what the compiler knows of it, then its calls."""

    def __init__(self, program: Program, unknown_trips: int = 1) -> None:
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
        self._flops = flops(traced.jaxpr.jaxpr, unknown_trips=unknown_trips)
        self._text = CompiledProgram(self._execute.as_text(), unknown_trips)
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


def _forward(config: ModelConfig, params: Params, x: Array) -> Array:
    return models.apply(config, params, x)[0]


def _train(
    config: ModelConfig,
    optimizer: optax.GradientTransformation,
    params: Params,
    state: optax.OptState,
    x: Array,
) -> tuple[Params, optax.OptState, Array]:
    def loss_of(params: Params) -> Array:
        return jnp.square(models.apply(config, params, x)[0]).mean()

    loss, gradient = jax.value_and_grad(loss_of)(params)
    updates, state = optimizer.update(gradient, state)
    return optax.apply_updates(params, updates), state, loss


def _decode(config: ModelConfig, carry: Any, x: Array, params: Params) -> tuple[Any, Array]:
    def step(carried: tuple[Any, Array], _: None) -> tuple[tuple[Any, Array], None]:
        y, carry = models.apply(config, params, carried[1], carried[0])
        return (carry, y), None

    return lax.scan(step, (carry, x), length=DECODED)[0]
