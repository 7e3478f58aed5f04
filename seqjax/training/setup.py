"""What a configuration and its data come to: the model, the mesh, the optimizer, the steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental import multihost_utils

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.data.word_vectors import WordVectors
from seqjax.distributed.cores import divided_into
from seqjax.distributed.mesh import make_mesh
from seqjax.distributed.preemption import Preemption
from seqjax.distributed.shardings import (
    batch_sharding,
    check_batch_size,
    check_lengths,
    replicated,
)
from seqjax.errors import UserError, did_you_mean
from seqjax.models.methods import resolve_methods
from seqjax.tasks import make_task
from seqjax.training.config import Config
from seqjax.training.evaluation import Evaluation
from seqjax.training.optimizer import make_optimizer, make_schedule, matching
from seqjax.training.state import (
    Hyperparameters,
    TrainState,
    abstract_state,
    born_sharded,
    state_shardings,
    train_step,
)


class Setup:
    """Everything of a run but its arrays; whatever cannot work is refused here."""

    def __init__(self, config: Config, facts: DataFacts, devices: list[jax.Device]) -> None:
        train = config.train
        self.mesh = make_mesh(config.mesh, devices)
        self.task = make_task(config.task)
        self.steps = self.task.steps(facts)  # that the model is given of the longest example
        # As the run's config.json has it: with what every `auto` stands for here.
        model = resolve_methods(
            config.model,
            devices[0].platform,
            batch=train.batch_size // train.accumulate,
            time=self.steps,
        )
        mesh = replace(config.mesh, cpu_devices=divided_into(devices))
        self.config = config = replace(config, model=model, mesh=mesh)
        self.facts = facts
        self.model = self.task.complete(config.model, facts)
        check_batch_size(self.mesh, config.mesh, "train.batch_size", train.batch_size)
        check_batch_size(
            self.mesh,
            config.mesh,
            "train.batch_size / train.accumulate",
            train.batch_size // train.accumulate,
        )
        check_lengths(self.mesh, config.mesh, self.task.lengths(facts))
        self.rows = facts.splits["train"].rows
        self.steps_per_epoch = -(-self.rows // train.batch_size)
        self.total_steps = train.steps or train.epochs * self.steps_per_epoch
        if train.profile and train.profile[0] > self.total_steps:
            raise UserError(
                f"train.profile={train.profile} begins after the last step, {self.total_steps}."
            )
        if train.label_smoothing and not self.task.asks_for_labels:
            raise UserError(
                f"train.label_smoothing={train.label_smoothing} needs labels, and "
                f"task={config.task!r} asks for numbers: set it to 0."
            )
        self._check_patterns()
        self.schedule = make_schedule(
            config.optimizer, self.total_steps, config.optimizer.learning_rate
        )
        self.optimizer = make_optimizer(config.optimizer, self.total_steps)
        # Made outside the mesh's context, in which Flax would lay out half-made parameters itself.
        self.shardings = state_shardings(self.mesh, config.mesh, self.model, self.optimizer)

    @property
    def notes(self) -> list[str]:
        """What may not be as it was meant, one sentence each."""
        warmup = self.config.optimizer.warmup_steps
        if warmup < self.total_steps:
            return []
        return [
            f"optimizer.warmup_steps={warmup} is not over within the {self.total_steps} steps of "
            "this run: its learning rate stays below optimizer.learning_rate."
        ]

    def _check_patterns(self) -> None:
        shapes, _ = models.abstract(self.model)
        for field in ("frozen", "decayed") if self.config.optimizer.weight_decay else ("frozen",):
            for pattern in getattr(self.config.optimizer, field):
                if not any(jax.tree.leaves(matching((pattern,), shapes))):
                    paths = [path for path, _ in jax.tree.leaves_with_path(shapes)]
                    names = [jax.tree_util.keystr(p, simple=True, separator="/") for p in paths]
                    raise UserError(
                        f"optimizer.{field}={pattern!r} fits no parameter's whole path; "
                        f"{did_you_mean(pattern, names)}"
                    )

    @contextmanager
    def context(self) -> Iterator[None]:
        """Where steps are traced and run."""
        with jax.set_mesh(self.mesh), models.logical_rules(self.config.mesh.rules):
            yield

    def first_state(self, vectors: WordVectors | None = None) -> TrainState:
        """A fresh state, each device making its own part; words start from their `vectors`."""
        state = born_sharded(self.shardings, self.model, self.optimizer, self.config.seed)
        if vectors is None:
            return state
        old = state.params["frontend"]["embedding"]["embedding"]
        whole = multihost_utils.process_allgather(old, tiled=True)
        table = jax.device_put(vectors.over(whole), old.sharding)
        frontend = state.params["frontend"] | {"embedding": {"embedding": table}}
        return replace(state, params=state.params | {"frontend": frontend})

    def abstract_state(self) -> TrainState:
        """Shapes and shardings of the state."""
        return jax.tree.map(
            lambda array, sharding: jax.ShapeDtypeStruct(
                array.shape, array.dtype, sharding=sharding
            ),
            abstract_state(self.model, self.optimizer),
            self.shardings,
        )

    def hyperparameters(self) -> Hyperparameters:
        """What the steps of this run are told."""
        return Hyperparameters(
            seed=jnp.asarray(self.config.seed, jnp.uint32),
            learning_rate=jnp.asarray(self.config.optimizer.learning_rate, jnp.float32),
        )

    def train_step(self) -> Callable:
        """The jitted `step(state, batch, hyperparameters) -> (state, packed)`.

        It consumes the state.
        """
        step = partial(
            train_step,
            task=self.task,
            model=self.model,
            optimizer=self.optimizer,
            accumulate=self.config.train.accumulate,
            label_smoothing=self.config.train.label_smoothing,
        )
        whole = replicated(self.mesh)
        return jax.jit(
            step,
            in_shardings=(self.shardings, batch_sharding(self.mesh, self.config.mesh), whole),
            out_shardings=(self.shardings, whole),
            donate_argnums=0,
        )

    def evaluation(self, preemption: Preemption | None = None) -> Evaluation:
        """Metrics of a whole split, found unless the run is told to end."""
        return Evaluation(
            self.task,
            self.model,
            self.mesh,
            self.config.mesh,
            self.config.train.batch_size,
            self.facts.boundaries,
            self.shardings.params,
            preemption,
        )
