"""A run on disk: what is written where, and how it is read back."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
from filelock import FileLock, Timeout

from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.distributed import hosts
from seqjax.errors import UserError
from seqjax.models.methods import keep_methods
from seqjax.training.config import Config, field_types, from_dict, get, to_json
from seqjax.training.storage import Storage

# What may differ when a run is resumed: how long, what is looked at, on which devices.
LENGTH = ("train.steps", "train.epochs")
FREE_ON_RESUME = (*LENGTH, "train.log_every", "train.profile", "mesh.")
SIGHT_SECONDS = 30


class RunFolder:
    """The files of one run.

    `config.json` (the whole configuration), `data.json` (what the data decided), `tokenizer.json`
    (where text is involved), `metrics.jsonl` (one object a row), `tensorboard/`, `checkpoints/`,
    `profile/` (where one was asked for), `summary.json` (at the end).

    It may lie in an object store: the rows, the curves and the profile are copied there by `keep`.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._storage = Storage(path)
        self.path = self._storage.path
        self.checkpoints = self.path / "checkpoints"
        self.tensorboard = self._storage.growing / "tensorboard"
        self.profile = self._storage.growing / "profile"
        self._metrics = self._storage.growing / "metrics.jsonl"
        self.tokenizer = self.path / "tokenizer.json"

    def check_seen_by_all(self, said_to_be_shared: bool) -> None:
        """Of several hosts, refuses a folder that is not the same one on all of them.

        Each host writes its part of a checkpoint, which would lie in pieces on as many disks.
        """
        if not self._storage.is_disk:
            return
        if not said_to_be_shared:
            raise UserError(
                f"workdir={self.path} is taken for a folder of each host's own, where a checkpoint "
                f"would lie in pieces: name gs://BUCKET/…, or say --shared_workdir where all "
                f"{jax.process_count()} hosts see the same folder."
            )
        with hosts.together():
            left = self._leave_sign() if hosts.is_first() else None
        sign = Path(hosts.from_first(lambda: str(left)))
        try:
            with hosts.together():
                _wait_for(sign)
        finally:
            if left is not None:
                left.unlink()

    def _leave_sign(self) -> Path:
        """A file in the folder, or where it is to be, that a host which sees the folder sees."""
        place = next(path for path in (self.path, *self.path.parents) if path.exists())
        try:
            descriptor, sign = tempfile.mkstemp(prefix=".seqjax-", dir=place)
        except OSError as error:
            raise self._cannot_be_written(error) from error
        os.close(descriptor)
        return Path(sign)

    @contextmanager
    def opened(self, config: Config) -> Iterator[None]:
        """Makes the folder, or checks that the run in it is this one, and keeps others out."""
        try:
            if self._holds_other_files():
                raise UserError(
                    f"workdir={self.path} holds files but no run: choose an empty or a new folder."
                )
            self.path.mkdir(parents=True, exist_ok=True)
            # A store has no locks: there it is for its user to start a run once.
            place = self._storage.growing / ".lock"
            lock = FileLock(place).acquire(blocking=False)
        except Timeout as error:
            raise UserError(
                f"workdir={self.path} is in use by another process: wait for it, or choose "
                f"another folder."
            ) from error
        except OSError as error:
            raise self._cannot_be_written(error) from error
        with lock:
            if (self.path / "config.json").exists():
                self._check_same_run(config)
            else:
                self._storage.write(self.path / "config.json", to_json(config))
            yield
            self.keep()

    def _cannot_be_written(self, error: OSError) -> UserError:
        return UserError(
            f"workdir={self.path} cannot be written ({error.strerror}): choose another folder."
        )

    def _holds_other_files(self) -> bool:
        if not self.path.exists() or (self.path / "config.json").exists():
            return False
        return any(not path.name.startswith(".") for path in self.path.iterdir())

    def config(self) -> Config:
        """The configuration of the run."""
        return from_dict(self._read_json("config.json"))

    def with_its_methods(self, config: Config) -> Config:
        """`config` with the methods that the run was started with, where it says `auto`."""
        if not (self.path / "config.json").exists():
            return config
        return replace(config, model=keep_methods(config.model, self.config().model))

    def facts(self) -> DataFacts:
        """What the data decided."""
        return DataFacts.from_json(self._read("data.json"))

    def begin(
        self, config: Config, facts: DataFacts, tokenizer: Tokenizer | None, step: int
    ) -> None:
        """Writes what the run is made from; forgets what was written after `step`.

        The summary goes first: it says that a run is finished, which this one is not any more.
        """
        (self.path / "summary.json").unlink(missing_ok=True)
        self._storage.write(self.path / "config.json", to_json(config))
        if tokenizer:
            tokenizer.save(self.tokenizer)
        self._storage.write(self.path / "data.json", facts.to_json())
        self._drop_metrics_after(step)

    def check_same_data(self, facts: DataFacts) -> None:
        """A run goes on with the data that it began with."""
        if not (self.path / "data.json").exists():
            return
        self.check_data_version(facts.version)
        if self.facts() != facts:
            raise UserError(
                f"The data of data.source={facts.source!r} has changed since the run in "
                f"workdir={self.path} was started: change it back or choose another folder."
            )

    def check_data_version(self, version: int) -> None:
        """A run's data are made into arrays as they were when it began."""
        facts = self.facts()
        if facts.version != version:
            raise UserError(
                f"The run in workdir={self.path} reads its data as version {facts.version} of "
                f"data.source={facts.source!r} does, which is now {version}: train a new run, or "
                f"use the commit that trained this one."
            )

    def finished(self, config: Config) -> dict[str, Any] | None:
        """The summary of the run, where it is that of `config` and has finished; else None."""
        if not (self.path / "summary.json").exists():
            return None
        self._check_same_run(config)
        if any(get(self.config(), path) != get(config, path) for path in LENGTH):
            return None
        return self._read_json("summary.json")

    def write_summary(self, summary: dict[str, Any]) -> None:
        """The result of the run."""
        self._storage.write(self.path / "summary.json", json.dumps(summary, indent=2) + "\n")

    def append_metrics(self, row: dict[str, Any]) -> None:
        """One more row of `metrics.jsonl`."""
        with open(self._metrics, "a") as file:
            file.write(json.dumps(row) + "\n")

    def keep(self) -> None:
        """Makes sure that what was appended outlives this machine, where the folder does."""
        self._storage.keep()

    def _drop_metrics_after(self, step: int) -> None:
        """Keeps the rows up to `step`, but none that a crash cut off."""
        self._storage.fetch("metrics.jsonl")
        if not self._metrics.exists():
            return
        kept = []
        for line in self._metrics.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                break
            if row["step"] <= step:
                kept.append(line + "\n")
        self._storage.write(self._metrics, "".join(kept))

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"workdir={self.path} has no readable {name}: name the folder of a trained run."
            ) from error

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            return json.loads(self._read(name))
        except ValueError as error:
            raise UserError(f"{self.path / name} is damaged: {error}.") from error

    def _check_same_run(self, config: Config) -> None:
        saved = self.config()
        if saved.task != config.task:
            raise self._another_run("task", saved.task, config.task)
        for path in field_types(config.task):
            was, now = get(saved, path), get(config, path)
            if was != now and not path.startswith(FREE_ON_RESUME):
                raise self._another_run(path, was, now)

    def _another_run(self, path: str, was: Any, now: Any) -> UserError:
        return UserError(
            f"{path}={now!r} differs from {was!r}, with which the run in workdir={self.path} was "
            f"started: change it back or choose another folder."
        )


def _wait_for(sign: Path) -> None:
    """Until a file of another host is there, which a network's disk may hide for seconds."""
    deadline = time.monotonic() + SIGHT_SECONDS
    while not sign.exists():
        if time.monotonic() > deadline:
            raise UserError(
                f"{sign.parent} is not the folder of that name on the first host, though "
                f"--shared_workdir says so: name a workdir that all hosts see."
            )
        time.sleep(0.5)
