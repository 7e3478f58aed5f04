"""Checkpoints: the state on the devices and the progress on the host, saved together by Orbax."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from etils import epath
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, LatestN, PreservationPolicy

from seqjax.distributed import hosts
from seqjax.distributed.preemption import Preempted
from seqjax.errors import UserError
from seqjax.models import Params
from seqjax.training.checksum import checksum
from seqjax.training.progress import Progress
from seqjax.training.state import TrainState

Restored = TypeVar("Restored")

# Arrays that several devices hold are divided among them for writing only where that is worth the
# small programs which have to be compiled for it.
SHARED_FROM = 2**24  # bytes
TREES = ("params", "optimizer")
PROGRESS_FILE = "metadata"
# What keeps a checkpoint from being read that is not damaged, and must not be passed over.
NOT_ITS_FAULT = (
    Preempted,
    MemoryError,
    PermissionError,
    ConnectionError,
    TimeoutError,
    jax.errors.JaxRuntimeError,
)


class Checkpoints:
    """The newest two checkpoints and the best one, written in the background and atomically.

    Every host writes and reads what its own devices hold; all call every method alike.
    """

    def __init__(self, folder: epath.PathLike, *, write: bool = True) -> None:
        self._on_a_disk = isinstance(folder, Path)
        self._write = write
        self._best = _KeepBest()
        self._handlers = {
            **{name: _tree_handler() for name in TREES},
            "progress": ocp.JsonCheckpointHandler(PROGRESS_FILE),
            "checksums": ocp.JsonCheckpointHandler(),
        }
        self._manager = _Manager(
            folder,
            item_handlers=self._handlers,
            options=ocp.CheckpointManagerOptions(
                preservation_policy=AnyPreservationPolicy([LatestN(2), self._best]),
                create=write,
                cleanup_tmp_directories=write,
            ),
        )

    def save(self, state: TrainState, progress: Progress) -> None:
        """Starts writing; returns as soon as the state may change again.

        Of a step that was saved before its evaluation, the progress alone is new after it.
        """
        self._best.step = progress.best_step
        self.wait()
        if progress.step in self.steps():
            self._replace_progress(progress)
            return
        trees = {name: getattr(state, name) for name in TREES}
        with hosts.together():
            if hosts.is_first() and self._on_a_disk:
                self._check_space(trees)
        checksums = {name: int(checksum(tree)) for name, tree in trees.items()}
        self._manager.save(
            progress.step,
            args=ocp.args.Composite(
                **{name: ocp.args.PyTreeSave(tree) for name, tree in trees.items()},
                progress=ocp.args.JsonSave(dataclasses.asdict(progress)),
                checksums=ocp.args.JsonSave(checksums),
            ),
        )

    def steps(self) -> list[int]:
        """The steps of which a checkpoint is there, in order."""
        return sorted(self._manager.all_steps())

    def restore_newest(self, abstract: TrainState) -> tuple[TrainState, Progress, list[str]] | None:
        """The newest checkpoint that can be read, laid out like `abstract`; None where none is.

        The sentences name those that were passed over.
        """
        steps = hosts.from_first(self.steps)
        if not steps:
            return None
        (state, progress), passed_over = self._first_readable(
            steps[::-1], lambda step: self._restore_state(step, abstract)
        )
        return state, progress, passed_over

    def delete_after(self, step: int) -> None:
        """Makes room for the checkpoints of a run that goes on from `step`."""
        for later in self.steps():
            if later > step:
                self._manager.delete(later)

    def restore_best(self, abstract: Params) -> tuple[Params, int, list[str]]:
        """The parameters of the best evaluation, their step, and what was passed over for them.

        Where the best checkpoint cannot be read the newest that can takes its place.
        """
        steps = hosts.from_first(self.steps)[::-1]
        if not steps:
            raise UserError(
                f"{self._manager.directory} has no checkpoint yet: train the run first."
            )
        progress, _ = self._first_readable(steps, self._restore_progress)
        steps.sort(key=lambda step: step != progress.best_step)
        (params, step), passed_over = self._first_readable(
            steps, lambda step: (self._restore_tree(step, "params", abstract), step)
        )
        return params, step, passed_over

    def wait(self) -> None:
        """Returns when everything is on disk."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Finishes writing and lets go of the folder; leaves nothing half-written in it."""
        try:
            self._manager.close()
        finally:
            if self._write and hosts.is_first():
                for unfinished in self._manager.directory.glob("*.orbax-checkpoint-tmp"):
                    unfinished.rmtree()

    def _replace_progress(self, progress: Progress) -> None:
        with hosts.together():
            if hosts.is_first():
                path = self._manager.directory / str(progress.step) / "progress" / PROGRESS_FILE
                new = path.with_name(f"{PROGRESS_FILE}.new")
                new.write_text(json.dumps(dataclasses.asdict(progress)))
                new.replace(path)

    def _check_space(self, trees: dict[str, Any]) -> None:
        """Refuses early what would fail in the middle of writing."""
        needed = sum(array.nbytes for array in jax.tree.leaves(trees))
        free = shutil.disk_usage(self._manager.directory).free
        if free < needed:
            raise UserError(
                f"The disk of {self._manager.directory} is full: a checkpoint needs "
                f"{needed / 2**20:.1f} MiB, and {free / 2**20:.1f} are free; free some space, then "
                f"the same command goes on."
            )

    def _first_readable(
        self, steps: list[int], restore: Callable[[int], Restored]
    ) -> tuple[Restored, list[str]]:
        passed_over = []
        for step in steps:
            try:
                return restore(step), passed_over
            except Exception as error:  # Orbax has no one exception for a damaged checkpoint.
                # What is wrong on one host is told to the others by another error of theirs.
                if any(hosts.gather("yes" if isinstance(error, NOT_ITS_FAULT) else "")):
                    raise
                reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
                passed_over.append(
                    f"The checkpoint of step {step} cannot be read ({reason}) and is passed over."
                )
        raise UserError(
            f"None of the checkpoints in {self._manager.directory} can be read, the last one not "
            f"for this reason: {reason}; train again in another workdir."
        )

    def _restore_state(self, step: int, abstract: TrainState) -> tuple[TrainState, Progress]:
        progress = self._restore_progress(step)
        state = TrainState(
            step=jax.device_put(jnp.asarray(step, jnp.int32), abstract.step.sharding),
            params=self._restore_tree(step, "params", abstract.params),
            optimizer=self._restore_tree(step, "optimizer", abstract.optimizer),
        )
        return state, progress

    def _restore_tree(self, step: int, name: str, abstract: Any) -> Any:
        layout = ocp.checkpoint_utils.construct_restore_args(abstract)
        tree = self._restore_item(step, name, ocp.args.PyTreeRestore(abstract, layout))
        checksums = self._restore_item(step, "checksums", ocp.args.JsonRestore())
        if int(checksum(tree)) != checksums[name]:
            raise ValueError(f"its {name} are not those that were saved")
        return tree

    def _restore_progress(self, step: int) -> Progress:
        return Progress.from_dict(
            self._restore_item(step, "progress", ocp.args.JsonRestore()), step
        )

    def _restore_item(self, step: int, name: str, args: ocp.args.CheckpointArgs) -> Any:
        # Not by the manager, on which a host that cannot read leaves the others waiting.
        with hosts.together():
            folder = self._manager.directory / str(step) / name
            return self._handlers[name].restore(folder, args=args)


def _tree_handler() -> ocp.PyTreeCheckpointHandler:
    arrays = ocp.type_handlers.ArrayHandler(min_slice_bytes_for_replica_parallel=SHARED_FROM)
    return ocp.PyTreeCheckpointHandler(
        type_handler_registry=ocp.type_handlers.create_type_handler_registry((jax.Array, arrays))
    )


class _Manager(ocp.CheckpointManager):
    """Orbax's manager, but for two of its habits."""

    def reached_preemption(self, step: int) -> bool:
        """Leaves it to the loop to ask whether the run was told to end: JAX counts the askings."""
        return False

    def close(self) -> None:
        """Waits for the removal of what an earlier run left, which else may go on behind it."""
        self._maybe_await_cleanup_tmp_directory()
        super().close()


class _KeepBest(PreservationPolicy):
    """Preserves the checkpoint of the best evaluation so far."""

    step = 0

    def should_preserve(self, checkpoints, *, context):
        return [checkpoint.step == self.step for checkpoint in checkpoints]
