"""bAbI: small worlds told in sentences, and questions that follow from them.

Weston et al. (2015, "Towards AI-complete question answering: a set of prerequisite toy tasks",
arXiv 1502.05698): twenty tasks of generated English, 10,000 training and 1,000 test questions each
in the set `en-10k` of version 1.2. The texts were published under CC BY 3.0; the program that made
them (github.com/facebookarchive/bAbI-tasks) is under a BSD licence.

A row is a whole story with its questions in their places, and each answer is asked for at the last
token of its question (as Graves et al. 2016, "Hybrid computing using a neural network with dynamic
external memory", read it): a causal model answers each from what was told before it. Or it is one
question, which stands before what was told, and whose answer is asked for at the end.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqjax.data import files, stories, tokenizers, told_stories
from seqjax.data.arrays import Split
from seqjax.data.dataset import DataConfig, Dataset, check_longest
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.loader import boundaries
from seqjax.data.prepare import prepared_split
from seqjax.data.probes.splits import FIRST_EXAMPLE, seen
from seqjax.data.stories import Story
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError, did_you_mean

SHARE = 10  # valid is one in so many of the training stories
ByTask = dict[int, list[Story]]


@dataclass(frozen=True)
class BabiConfig(DataConfig):
    """Stories as `tokens` and `targets` (ragged, int32), and the number of their task, `group`."""

    tokenized: ClassVar[bool] = True
    tokenizer: ClassVar[str] = "word"
    lowercase: ClassVar[bool] = True
    vocabulary_size: ClassVar[int] = 1_000  # all of bAbI has fewer words

    # generated: stories in the manner of tasks 1, 6 and 15; files: those that were published, of
    # whose training stories every tenth is valid
    source: str = "generated"
    folder: str = ""  # with qa1_single-supporting-fact_train.txt and the like, or these as .gz
    tasks: tuple[int, ...] = (1,)  # their numbers, 1 to 20; several are learned by one model
    train_rows: int = 2_000  # stories of each task (generated)
    valid_rows: int = 200
    test_rows: int = 200
    seed: int = 0  # of what is generated
    # in_place: a row is a story with its questions; first: a row is a question, and after it what
    # was told before it
    questions: str = "in_place"
    buckets: int = 4  # number of padded lengths, and so of compiled shapes

    def __post_init__(self) -> None:
        known = ("generated", "files")
        if self.source not in known:
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, known)}"
            )
        known = ("in_place", "first")
        if self.questions not in known:
            raise UserError(
                f"data.questions={self.questions!r} is unknown; "
                f"{did_you_mean(self.questions, known)}"
            )
        if bool(self.folder) != (self.source == "files"):
            raise UserError(
                f"data.folder={self.folder!r} must name a folder for data.source='files', and be "
                f"empty for any other."
            )
        there = told_stories.TASKS if self.source == "generated" else range(1, 21)
        if not self.tasks or not set(self.tasks) <= set(there):
            raise UserError(
                f"data.tasks={self.tasks} must be numbers of tasks, which are "
                f"{', '.join(map(str, there))} for data.source={self.source!r}."
            )
        for name, least in (
            ("train_rows", 1),
            ("valid_rows", 1),
            ("test_rows", 1),
            ("seed", 0),
            ("buckets", 1),
        ):
            if getattr(self, name) < least:
                raise UserError(f"data.{name}={getattr(self, name)} must be at least {least}.")

    def fingerprint(self) -> str:
        """A hash of the files; constant for what is generated, which the settings decide."""
        digest = hashlib.sha256(self.source.encode())
        if self.source == "files":
            for task in self.tasks:
                for split in ("train", "test"):
                    digest.update(files.digest(self._path(task, split)))
        return digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, which the fingerprint covers, and not by their place."""
        return asdict(self) | {"folder": ""}

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Reads or tells the stories of all splits; the vocabulary and the labels are train's."""
        raw = self.stories_of_splits()
        if self.questions == "first":
            raw = {
                split: {task: stories.with_question_first(told) for task, told in by_task.items()}
                for split, by_task in raw.items()
            }
        told = [story for each in raw["train"].values() for story in each]
        tokenizer = tokenizers.train((line.text for story in told for line in story), self)
        labels = tuple(sorted({line.answer for line in stories.questions(told)}))
        splits, facts = {}, {}
        for name, by_task in raw.items():
            for task, each in by_task.items():
                self._check_answers(f"task {task} of {name}", each, labels)
            told = [story for each in by_task.values() for story in each]
            tokens, targets = stories.encode(told, labels, tokenizer)
            group = np.repeat(list(by_task), [len(each) for each in by_task.values()])
            columns = {"tokens": tokens, "targets": targets, "group": group.astype(np.int32)}
            splits[name] = Split(columns)
            measures = {"questions": float(sum(1 for _ in stories.questions(told)))}
            if name != "train":
                measures["in_train"] = float(seen(splits[name], splits["train"]).mean())
            facts[name] = SplitFacts(
                rows=len(told),
                longest=int(tokens.lengths.max()),
                mean_length=float(tokens.lengths.mean()),
                unknown=float((tokens.values == tokenizers.UNKNOWN).mean()),
                measures=measures,
            )
        lengths = np.concatenate([split.columns["tokens"].lengths for split in splits.values()])
        padded = boundaries(lengths, self.buckets, int(lengths.max()))
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=labels,
                vocabulary_size=tokenizer.vocabulary_size,
                boundaries={"tokens": padded, "targets": padded},
                splits=facts,
                notes=(),
            ),
            tokenizer,
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: Tokenizer, cache_folder: Path
    ) -> Split:
        """One split as it was prepared for the run."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: Tokenizer) -> Split:
        """Stories that end in a question; one longer than those of the run is an error."""
        if self.questions == "first":
            lines = [_question_before_story(line) for line in lines]
        tokens = tokenizer.encode_batch(lines)
        check_longest(tokens, lines, facts)
        return Split({"tokens": tokens})

    def stories_of_splits(self) -> dict[str, ByTask]:
        """The stories of every split, by their task."""
        if self.source == "generated":
            rows = {"train": self.train_rows, "valid": self.valid_rows, "test": self.test_rows}
            return {
                split: {
                    task: told_stories.tell(task, self.seed, FIRST_EXAMPLE[split], count)
                    for task in self.tasks
                }
                for split, count in rows.items()
            }
        found: dict[str, ByTask] = {"train": {}, "valid": {}, "test": {}}
        for task in self.tasks:
            train = self._read(task, "train")
            if len(train) < SHARE:
                raise UserError(
                    f"{self._path(task, 'train').name} has {len(train)} stories, too few to cut "
                    f"valid from: it needs at least {SHARE}."
                )
            found["valid"][task] = train[SHARE - 1 :: SHARE]
            found["train"][task] = [s for n, s in enumerate(train) if n % SHARE != SHARE - 1]
            found["test"][task] = self._read(task, "test")
        return found

    def _read(self, task: int, split: str) -> list[Story]:
        path = self._path(task, split)
        found = stories.read(path, f"data.folder={self.folder!r}, {path.name}")
        if not any(True for _ in stories.questions(found)):
            raise UserError(f"data.folder={self.folder!r}, {path.name} has no questions.")
        return found

    def _path(self, task: int, split: str) -> Path:
        folder = files.path_of(self.folder)
        found = [
            path
            for ending in ("", *files.OPEN)
            for path in sorted(folder.glob(f"qa{task}_*_{split}.txt{ending}"))
        ]
        if not found:
            raise UserError(
                f"data.folder={self.folder!r} has no qa{task}_…_{split}.txt or "
                f"qa{task}_…_{split}.txt.gz (sought in {folder.absolute()})."
            )
        return found[0]

    @staticmethod
    def _check_answers(origin: str, told: Sequence[Story], labels: Sequence[str]) -> None:
        for line in stories.questions(told):
            if line.answer not in labels:
                raise UserError(f"The answer {line.answer!r} in {origin} does not occur in train.")


def _question_before_story(line: str) -> str:
    """What is typed, its last sentence moved to the start."""
    *told, question = re.split(r"(?<=[.?!])\s+", line.strip())
    return " ".join([question, *told])
