"""Probes as data sets: inside of what is trained on, and beyond it.

`train` and `valid` are draws of `data.probe`, `test` of `data.beyond`, which differs in its lengths
alone: what a model learned is one question, and how far it carries another.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqjax.data.arrays import Ragged, Split
from seqjax.data.dataset import DataConfig, Dataset, check_longest
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.loader import boundaries
from seqjax.data.prepare import prepared_split
from seqjax.data.probes.adding import Adding
from seqjax.data.probes.bracket_arithmetic import BracketArithmetic
from seqjax.data.probes.copying import Copy, SelectiveCopy
from seqjax.data.probes.listops import ListOps
from seqjax.data.probes.probe import Probe
from seqjax.data.probes.recall import Induction, MultiQueryRecall
from seqjax.data.probes.splits import generate, seen
from seqjax.data.probes.tracking import Parity, Permutations
from seqjax.errors import UserError


@dataclass(frozen=True)
class ProbeConfig(DataConfig):
    """Generated examples, each a function of the probe, the seed, the split and its number."""

    source: str = "generated"
    train_rows: int = 20_000
    valid_rows: int = 1_000
    test_rows: int = 1_000
    seed: int = 0
    buckets: int = 4  # number of padded lengths, and so of compiled shapes

    def __post_init__(self) -> None:
        for name, least in (
            ("train_rows", 1),
            ("valid_rows", 1),
            ("test_rows", 1),
            ("seed", 0),
            ("buckets", 1),
        ):
            if getattr(self, name) < least:
                raise UserError(f"data.{name}={getattr(self, name)} must be at least {least}.")
        if self.source != "generated":
            raise UserError(f"data.source={self.source!r} must be 'generated' for a probe.")
        probe, beyond = self.probes
        if (probe.vocabulary, probe.labels) != (beyond.vocabulary, beyond.labels):
            raise UserError(
                f"data.probe={probe} and data.beyond={beyond} have other tokens or labels: let "
                f"them differ in their lengths alone."
            )

    @property
    def probes(self) -> tuple[Probe, Probe]:
        """What is trained on, and what is tested: the groups `probe` and `beyond` of every kind."""
        return self.probe, self.beyond

    def fingerprint(self) -> str:
        """Constant: what is generated depends on the settings alone."""
        return hashlib.sha256(b"generated").hexdigest()

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Generates all splits, and counts the rows of valid and test that are in train."""
        probe, beyond = self.probes
        asked = {
            "train": (probe, self.train_rows),
            "valid": (probe, self.valid_rows),
            "test": (beyond, self.test_rows),
        }
        splits = {name: generate(p, self.seed, name, rows) for name, (p, rows) in asked.items()}
        name = input_of(splits["train"])
        lengths = np.concatenate([split.columns[name].lengths for split in splits.values()])
        frames = splits["train"].columns[name].values.shape[1:]
        padded = boundaries(lengths, self.buckets, int(lengths.max()))
        ragged = [n for n, column in splits["train"].columns.items() if isinstance(column, Ragged)]
        facts = {}
        for split, rows in splits.items():
            measures = {}
            if split != "train":
                measures["in_train"] = float(seen(rows, splits["train"]).mean())
            facts[split] = SplitFacts(
                rows=len(rows),
                longest=int(rows.columns[name].lengths.max()),
                mean_length=float(rows.columns[name].lengths.mean()),
                measures=measures,
            )
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=probe.labels,
                vocabulary_size=0 if frames else len(probe.vocabulary),
                boundaries=dict.fromkeys(sorted(ragged, key=lambda n: n != name), padded),
                splits=facts,
                notes=(),
                frame_size=frames[0] if frames else 0,
                target_size=0 if probe.labels else 1,
            ),
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: None, cache_folder: Path
    ) -> Split:
        """One split as it was generated for the run."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: None) -> Split:
        """Tokens by their names, or frames as `0.25,1`, with spaces between steps."""
        if facts.frame_size:
            frames = Ragged.from_rows([self._frames(line) for line in lines], np.float32)
            check_longest(frames, lines, facts)
            return Split({"frames": frames})
        number = {name: place for place, name in enumerate(self.probes[0].vocabulary)}
        rows = []
        for line in lines:
            unknown = [name for name in line.split() if name not in number]
            if unknown or not line.strip():
                raise UserError(
                    f"The line {line[:80]!r} must be tokens of this run with spaces between them, "
                    f"such as {' '.join(list(number)[:4])!r}."
                )
            rows.append([number[name] for name in line.split()])
        tokens = Ragged.from_rows(rows, np.int32)
        check_longest(tokens, lines, facts)
        return Split({"tokens": tokens})

    @staticmethod
    def _frames(line: str) -> np.ndarray:
        try:
            frames = np.array([step.split(",") for step in line.split()], np.float32)
        except ValueError:
            frames = np.zeros(0)
        if frames.ndim != 2 or frames.shape[1] != 2:
            raise UserError(
                f"The line {line[:80]!r} must be steps of two numbers, such as '0.25,1 0.5,0'."
            )
        return frames


def input_of(split: Split) -> str:
    """The column that goes into a model."""
    return "tokens" if "tokens" in split.columns else "frames"


@dataclass(frozen=True)
class CopyConfig(ProbeConfig):
    """The copying memory problem."""

    probe: Copy = field(default=Copy(delay=100))
    beyond: Copy = field(default=Copy(delay=200))


@dataclass(frozen=True)
class SelectiveCopyConfig(ProbeConfig):
    """Symbols to be picked out of noise."""

    probe: SelectiveCopy = field(default=SelectiveCopy(length=64))
    beyond: SelectiveCopy = field(default=SelectiveCopy(length=128))


@dataclass(frozen=True)
class AddingConfig(ProbeConfig):
    """The sum of two marked numbers."""

    probe: Adding = field(default=Adding(length=400))
    beyond: Adding = field(default=Adding(length=800))


@dataclass(frozen=True)
class MultiQueryRecallConfig(ProbeConfig):
    """Keys with their values, asked for again."""

    probe: MultiQueryRecall = field(
        default=MultiQueryRecall(length=64, pairs=8, vocabulary_size=256)
    )
    beyond: MultiQueryRecall = field(
        default=MultiQueryRecall(length=128, pairs=16, vocabulary_size=256)
    )


@dataclass(frozen=True)
class InductionConfig(ProbeConfig):
    """What came after the special token."""

    probe: Induction = field(default=Induction(length=64))
    beyond: Induction = field(default=Induction(length=256))


@dataclass(frozen=True)
class ParityConfig(ProbeConfig):
    """The parity of the bits so far, at every step."""

    probe: Parity = field(default=Parity(min_length=1, max_length=40, per_step=True))
    beyond: Parity = field(default=Parity(min_length=41, max_length=400, per_step=True))


@dataclass(frozen=True)
class PermutationsConfig(ProbeConfig):
    """Word problems of the groups S5 and A5."""

    probe: Permutations = field(default=Permutations(group="S5", min_length=1, max_length=32))
    beyond: Permutations = field(default=Permutations(group="S5", min_length=33, max_length=128))


@dataclass(frozen=True)
class BracketArithmeticConfig(ProbeConfig):
    """The value of an expression with brackets."""

    probe: BracketArithmetic = field(default=BracketArithmetic(min_length=1, max_length=40))
    beyond: BracketArithmetic = field(default=BracketArithmetic(min_length=41, max_length=100))


@dataclass(frozen=True)
class ListOpsConfig(ProbeConfig):
    """The value of nested lists."""

    probe: ListOps = field(default=ListOps(min_length=4, max_length=60))
    beyond: ListOps = field(default=ListOps(min_length=61, max_length=120))
