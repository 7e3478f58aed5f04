"""A task of another kind of data: frames, no words, no test split, a model of two stacks."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from seqjax.data.arrays import Ragged, Split
from seqjax.data.dataset import DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.prepare import prepared_split
from seqjax.models import EncoderDecoderConfig
from seqjax.tasks import TASKS
from seqjax.tasks.classification import Classification
from seqjax.tasks.task import Options

LABELS = ("falls", "stays", "rises")


@dataclass(frozen=True)
class Slope:
    """A group within the group."""

    steepness: float = 1.0  # of a step


@dataclass(frozen=True)
class Ramps(DataConfig):
    """Frames of two numbers that fall, stay or rise."""

    made: ClassVar[list[str]] = []  # is no setting

    source: str = "generated"
    train_rows: int = 48  # at least one
    valid_rows: int = 24
    slope: Slope = field(default_factory=Slope)

    def fingerprint(self) -> str:
        return "ramps"

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        self.made.append(fingerprint)
        splits = {"train": self.rows(self.train_rows, 0), "valid": self.rows(self.valid_rows, 1)}
        facts = DataFacts(
            self.source,
            fingerprint,
            LABELS,
            0,
            {"frames": (8, 24)},
            {name: SplitFacts(len(split)) for name, split in splits.items()},
            (),
            frame_size=2,
            normalisation={"mean": (0.0, 0.5)},
        )
        return Dataset(splits, facts)

    def rows(self, count: int, seed: int) -> Split:
        chance = np.random.default_rng(seed)
        label = np.arange(count) % 3
        rows = [
            np.stack([self.slope.steepness * (kind - 1) * np.arange(n), np.ones(n)], axis=1)
            for kind, n in zip(label, chance.integers(2, 24, count), strict=True)
        ]
        return Split({"frames": Ragged.from_rows(rows, np.float32), "label": label.astype("i4")})

    def read_split(self, split, facts, tokenizer, cache_folder) -> Split:
        assert tokenizer is None
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts, tokenizer) -> Split:
        rows = [[[float(number), 1] for number in line.split()] for line in lines]
        return Split({"frames": Ragged.from_rows(rows, np.float32)})


@dataclass(frozen=True)
class Chosen(Options):
    """What a person may choose."""

    digits: int = field(default=4, metadata={"help": "digits of the share"})


class Trend(Classification):
    """Classification with an option and a derived metric."""

    options = Chosen

    def derived(self, metrics):
        return metrics | {"error": 1 - metrics["accuracy"]}

    def answers(self, predictions, batch, facts, tokenizer, options):
        said = super().answers(predictions, batch, facts, tokenizer, options)
        return [f"{line.split()[0]} {options.digits}" for line in said]


class Pairs(Classification):
    """A task whose model has two stacks."""

    model = EncoderDecoderConfig


CONFIG = """
from seqjax.models import ModelConfig
from seqjax.tasks import TASKS
from seqjax.training.config import Config, TrainConfig
from seqjax.training.presets import from_preset
from seqjax.models.presets import sized

MODELS = {"gru": ModelConfig(pattern=("gru",), width=8, embedding_size=4)}

def get_config(preset="gru"):
    data = TASKS["trend"].data()
    base = Config("ramps", preset, "trend", data=data, train=TrainConfig(epochs=8, batch_size=8))
    return from_preset(preset, base, models=MODELS, sized=sized)
"""


@pytest.fixture
def ramps(monkeypatch, tmp_path):
    """Returns the flag that names a configuration of the task."""
    monkeypatch.setitem(TASKS, "trend", Trend(Ramps))
    monkeypatch.setitem(TASKS, "pairs", Pairs(Ramps))
    monkeypatch.setenv("SEQJAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "ramps.py").write_text(CONFIG)
    return f"--config={tmp_path / 'ramps.py'}"


def test_a_run_from_training_to_predictions(command, ramps, tmp_path):
    workdir = f"--workdir={tmp_path / 'run'}"
    typed = (f"{ramps}:gru,learning_rate=0.03", "--config.data.slope.steepness=0.5")
    summary = command("train", *typed, workdir).json
    assert "test" not in summary
    assert summary["valid"]["error"] == pytest.approx(1 - summary["valid"]["accuracy"])
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["data"] == dataclasses.asdict(Ramps(slope=Slope(0.5)))
    assert not (tmp_path / "run" / "tokenizer.json").exists()
    facts = DataFacts.from_json((tmp_path / "run" / "data.json").read_text())
    assert (facts.frame_size, facts.longest) == (2, 24)
    assert facts.normalisation == {"mean": (0.0, 0.5)}
    assert command("train", *typed, workdir).json == summary

    evaluated = command("evaluate", workdir, "--split=valid", "--by_length", "--confusion").json
    for name, value in summary["valid"].items():
        assert evaluated[name] == pytest.approx(value, rel=1e-5)
    groups = evaluated["by_length"]
    assert [(group["from"], group["to"]) for group in groups] == [(1, 8), (9, 16), (17, 32)]
    assert sum(group["examples"] for group in groups) == 24
    total = sum(group["examples"] * group["loss"] for group in groups) / 24
    assert total == pytest.approx(summary["valid"]["loss"], rel=1e-5)
    assert evaluated["confusion"]["labels"] == list(LABELS)
    matrix = np.array(evaluated["confusion"]["matrix"])
    assert matrix.sum(axis=1).tolist() == [8, 8, 8]
    assert matrix.trace() / 24 == pytest.approx(summary["valid"]["accuracy"])

    lines = b"0 -1 -2 -3 -4\n0 0 0 0\n0 1 2 3 4 5\n"
    said = command("predict", workdir, "--digits=2", stdin=lines).out.splitlines()
    assert said == ["falls 2", "stays 2", "rises 2"]
    command("evaluate", workdir).assert_refused("--split=test", "only train, valid")
    command("evaluate", workdir, "--split=valid", "--by_position").assert_refused("--by_position")


def test_an_option_of_another_task(command, ramps, one_run):
    command("predict", f"--workdir={one_run}", "--digits=2", stdin=b"a").assert_refused(
        "--digits=2 is an option of trend", "task is classification"
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--config.data.train_row=3", ("'data.train_row'", "data.train_rows?")),
        ("--config.data.made=3", ("'data.made'",)),
        ("--config.data.text_column=a", ("'data.text_column'", "did you mean")),
        ("--config.data.train_rows=a", ("data.train_rows=a must be a whole number.",)),
        ("--config.data.slope.steepness=a", ("steepness=a must be a finite number.",)),
        ("--config.model.encoder.width=3", ("'model.encoder.width'", "model.width?")),
        ("--config.train.word_vectors=a.txt", ("train.word_vectors='a.txt'", "no words")),
    ],
)
def test_keys_are_those_of_the_task(command, ramps, tmp_path, typed, said):
    workdir = f"--workdir={tmp_path / 'run'}"
    command("train", ramps, typed, workdir).assert_refused("train: ", *said)


def test_help_tells_the_keys_of_every_task(command, ramps):
    told = command("train", "--help").out
    for part in (
        "# where task is trend or pairs:",
        "--config.data.train_rows=48  # at least one",
        "--config.data.slope.steepness=1.0  # of a step",
        "# where task is translation or pairs:",
        "--config.model.encoder.width=128",
        "--config.model.pass_state=False",
    ):
        assert part in told
    assert "data.made" not in told
    assert "--digits: digits of the share (trend; default 4)" in command("predict", "--help").out
