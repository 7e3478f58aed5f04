"""One mixer at one length, batch and width, evaluated in one way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from seqjax import models
from seqjax.benchmarking.programs import Program, data_mesh
from seqjax.models import ModelConfig, Params
from seqjax.models.config import CHOICES
from seqjax.models.methods import EVALUATIONS
from seqjax.ops.attention_blocks import Form, blocks_in_turn, choose_blocks

DECODED = 16  # steps of a decoding program, which feeds each output back in
ROWS, WHOLE = PartitionSpec("data"), PartitionSpec()


@dataclass(frozen=True)
class MixerCell:
    """A figure of the atlas.

    `work`: a train step (gradient of a loss on every step, Adam), a forward pass, or the decoding
    of one step after `length` others.
    """

    mixer: str
    length: int
    batch: int
    width: int
    method: str
    work: str

    @property
    def size(self) -> int:
        """Numbers that come in: what orders cells from cheap to dear."""
        return self.length * self.batch * self.width

    @property
    def shape(self) -> tuple[str, int, int, int]:
        """What cells share that are to be compared: they are measured in the same rounds."""
        return self.work, self.length, self.batch, self.width

    @property
    def kind(self) -> dict[str, str]:
        """What cells share that differ in size alone."""
        return {"mixer": self.mixer, "method": self.method, "work": self.work}

    def model(self) -> ModelConfig:
        """One block of the mixer alone, from vectors of `width` to vectors of `width`."""
        evaluation = EVALUATIONS.get(self.mixer)
        return ModelConfig(
            input_size=self.width,
            embedding_size=0,
            pattern=(self.mixer,),
            width=self.width,
            inner_size=self.width,
            state_size=min(self.width, 64),
            window=128 if self.mixer == "local_attention" else 0,
            pool="none",
            **{evaluation.field: self.method} if evaluation else {},
        )

    def inputs(self, length: int) -> Float[Array, "batch time width"]:
        """Steps that come in."""
        return jax.random.normal(jax.random.key(1), (self.batch, length, self.width))

    def program(self, devices: list[jax.Device]) -> Program:
        """What is run."""
        config = self.model()
        program = PROGRAMS[self.work](self, config, data_mesh(self.batch, devices))
        return program._replace(unknown_trips=self._blocks_in_turn(config, devices))

    def _blocks_in_turn(self, config: ModelConfig, devices: list[jax.Device]) -> float:
        """Trips of the loop over blocks of keys, the only one whose end depends on data."""
        shape = self.batch, self.length, config.heads, config.width // config.heads
        blocks = choose_blocks(devices[0].platform, shape, shape)
        return blocks_in_turn(Form(True, config.window or None, blocks), self.length)


def methods_of(mixer: str) -> Sequence[str]:
    """The ways in which a mixer can be evaluated, `auto` first."""
    return CHOICES[EVALUATIONS[mixer].field] if mixer in EVALUATIONS else ("auto",)


def _params(config: ModelConfig) -> Params:
    return models.init(config, jax.random.key(0))[0]


def _forward(cell: MixerCell, config: ModelConfig, mesh: Mesh) -> Program:
    def forward(params: Params, x: Array) -> Array:
        return models.apply(config, params, x)[0]

    return Program(
        forward, lambda: (_params(config), cell.inputs(cell.length)), mesh, (WHOLE, ROWS)
    )


def _train(cell: MixerCell, config: ModelConfig, mesh: Mesh) -> Program:
    optimizer = optax.adam(1e-3)

    def loss_of(params: Params, x: Array) -> Array:
        return jnp.square(models.apply(config, params, x)[0]).mean()

    def train(
        params: Params, state: optax.OptState, x: Array
    ) -> tuple[Params, optax.OptState, Array]:
        loss, gradient = jax.value_and_grad(loss_of)(params, x)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, loss

    def arguments() -> tuple[Params, optax.OptState, Array]:
        params = _params(config)
        return params, optimizer.init(params), cell.inputs(cell.length)

    return Program(train, arguments, mesh, (WHOLE, WHOLE, ROWS), kept=2)


def _decode(cell: MixerCell, config: ModelConfig, mesh: Mesh) -> Program:
    def decode(carry: Any, x: Array, params: Params) -> tuple[Any, Array]:
        def step(carried: tuple[Any, Array], _: None) -> tuple[tuple[Any, Array], None]:
            y, carry = models.apply(config, params, carried[1], carried[0])
            return (carry, y), None

        return lax.scan(step, (carry, x), length=DECODED)[0]

    def arguments() -> tuple[Any, Array, Params]:
        carry = models.init_carry(config, cell.batch, cell.length + DECODED)
        return carry, cell.inputs(1), _params(config)

    return Program(decode, arguments, mesh, (ROWS, ROWS, WHOLE), kept=2, steps=DECODED)


PROGRAMS: dict[str, Callable[[MixerCell, ModelConfig, Mesh], Program]] = {
    "train": _train,
    "forward": _forward,
    "decode": _decode,
}
