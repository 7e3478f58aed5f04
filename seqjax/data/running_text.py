"""Running text as one stream of tokens, cut into windows: what language models read.

Every document follows a BEGIN token, which tells its start and the end of the one before. A row of
a split has three columns: `tokens`, a window of `length + 1` steps, all but the last of which go
into the model and all but the first of which are asked for; `characters`, how many characters of
the text each of them stands for, so that losses of different tokenizers can be compared; and
`context`, how many of the first questions do not count, since another window asks them.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqjax.data import counting, documents, tokenizers
from seqjax.data.arrays import Ragged, Split, Windows
from seqjax.data.dataset import SPLITS, DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.prepare import prepared_split
from seqjax.data.tokenizers import BEGIN, SPECIAL_TOKENS, UNKNOWN, Tokenizer
from seqjax.errors import UserError, did_you_mean


@dataclass(frozen=True)
class RunningTextConfig(DataConfig):
    """A text to be continued: `tokens`, `characters` and `context` of every split."""

    tokenized: ClassVar[bool] = True

    # pydoc_topics: Python's own help texts; files: any text files, or tables with a text a row;
    # tfds:NAME: a set of TensorFlow Datasets that has texts; synthetic: numbers, which count on
    # half of the time
    source: str = "pydoc_topics"
    # Paths (files), which may be patterns such as "books/*.txt", or split expressions such as
    # "train[:90%]" (tfds). Where valid is left empty, it is the last tenth of train's characters.
    train: str = ""
    valid: str = ""
    test: str = ""
    text_column: str = "text"  # column of a table (.csv, .tsv, .jsonl), or feature of a TFDS set
    synthetic_tokens: int = 2**20  # length of the synthetic training stream; a tenth for valid

    tokenizer: str = "character"  # word, character or bpe; trained on the training split only
    lowercase: bool = False
    vocabulary_size: int = 10_000  # at most so many tokens, the special ones included

    length: int = 256  # steps that a model reads at once; a longer prompt loses its start
    context: int = 128  # of them, in evaluation, those that only lead up to the steps that count

    def __post_init__(self) -> None:
        known = ("pydoc_topics", "files", "synthetic", "tfds:NAME")
        if self.source not in known[:3] and not self.source.startswith("tfds:"):
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, known)}"
            )
        if self.source == "tfds:":
            raise UserError("data.source='tfds:' names no data set: write tfds:NAME.")
        if self.source == "files" and not self.train:
            raise UserError("data.train='' must name a file where data.source='files'.")
        if self.source in ("pydoc_topics", "synthetic"):
            for split in SPLITS:
                if getattr(self, split):
                    raise UserError(
                        f"data.{split}={getattr(self, split)!r} must be empty for "
                        f"data.source={self.source!r}, which has its own splits: files are read by "
                        f"data.source='files'."
                    )
        tokenizers.check(self)
        for field, least in (("length", 1), ("context", 0), ("synthetic_tokens", 1)):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")
        if self.context >= self.length:
            raise UserError(
                f"data.context={self.context} leaves nothing of data.length={self.length} to "
                f"evaluate: take a smaller one."
            )

    def fingerprint(self) -> str:
        """A hash of the texts, or of the data set's version."""
        return "synthetic" if self.source == "synthetic" else documents.fingerprint(self)

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, which the fingerprint covers, and not by their places."""
        fields = dataclasses.asdict(self)
        if self.source == "files":
            fields |= {split: bool(fields[split]) for split in SPLITS}
        return fields

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Reads, tokenizes and cuts all splits."""
        if self.source == "synthetic":
            read, tokenizer, streams = self._numbers()
        else:
            read = documents.read(self, cache_folder)
            tokenizer = tokenizers.train(read.splits["train"], self)
            streams = {name: stream(texts, tokenizer) for name, texts in read.splits.items()}
        splits = {name: self._windows(name, *parts) for name, parts in streams.items()}
        window = (self.length + 1,)
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=(),
                vocabulary_size=tokenizer.vocabulary_size,
                boundaries={"tokens": window, "characters": window},
                splits={
                    name: _facts(splits[name], *parts, len(read.splits.get(name, ())))
                    for name, parts in streams.items()
                },
                notes=read.notes,
                origin=read.origin,
            ),
            tokenizer,
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: Tokenizer, cache_folder: Path
    ) -> Split:
        """One split; of a user's own files only those of that split are read."""
        if self.source == "files" and getattr(self, split) and (split != "train" or self.valid):
            texts = documents.read_split(self, split, cache_folder)
            return self._windows(split, *stream(texts, tokenizer))
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: Tokenizer) -> Split:
        """Prompts, each at the start of a document; of a longer one the last `length` tokens."""
        rows = [[BEGIN, *tokenizer.encode_long(line)[0]][-self.length :] for line in lines]
        return Split({"tokens": Ragged.from_rows(rows, np.int32)})

    def _windows(self, split: str, tokens: np.ndarray, characters: np.ndarray) -> Split:
        if split == "train":
            if len(tokens) <= self.length:
                raise UserError(
                    f"data.length={self.length} is too long for the {len(tokens):,} tokens of the "
                    f"training text: take at most {len(tokens) - 1}."
                )
            starts, slack = training_windows(len(tokens), self.length)
            lengths = np.full(len(starts), self.length + 1)
            context = np.zeros(len(starts))
        else:
            if len(tokens) < 2:
                raise UserError(f"data.{split}={getattr(self, split)!r} has no tokens.")
            starts, lengths, context = evaluation_windows(len(tokens), self.length, self.context)
            slack = 0
        lengths = lengths.astype(np.int32)
        return Split(
            {
                "tokens": Windows(tokens, starts, lengths, slack),
                "characters": Windows(characters, starts, lengths, slack),
                "context": context.astype(np.int32),
            }
        )

    def _numbers(self) -> tuple[documents.Documents, Tokenizer, dict[str, tuple]]:
        numbers = self.vocabulary_size - len(SPECIAL_TOKENS)
        tokenizer = tokenizers.of_words([str(number) for number in range(numbers)])
        streams = {}
        for split in counting.STREAMS:
            length = self.synthetic_tokens // (1 if split == "train" else 10)
            tokens = counting.counting(split, max(1, length), numbers) + len(SPECIAL_TOKENS)
            tokens = np.concatenate([[BEGIN], tokens]).astype(np.int32)
            streams[split] = tokens, (tokens != BEGIN).astype(np.int32)
        note = f"No model's loss can be below {counting.entropy(numbers):.4f}."
        return documents.Documents({}, (note,)), tokenizer, streams


def stream(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of all documents, and the characters that each stands for, int32 [tokens]."""
    begin = np.array([BEGIN], np.int32), np.zeros(1, np.int32)
    parts = [part for text in texts for part in (begin, tokenizer.encode_long(text))]
    tokens, characters = zip(*parts, strict=True)
    return np.concatenate(tokens), np.concatenate(characters)


def training_windows(tokens: int, length: int) -> tuple[np.ndarray, int]:
    """The starts of windows of `length + 1` steps, one after the other, and their slack.

    The last step of each is the first of the next, so that each token is asked for once an epoch,
    save those at the ends that the move leaves out. There must be more tokens than `length`.
    """
    count = max(1, (tokens - length) // length)
    return length * np.arange(count), min(length - 1, tokens - 1 - count * length)


def evaluation_windows(
    tokens: int, length: int, context: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and lengths of windows, and how many of their first questions do not count.

    Every token but the first is asked for exactly once, with `context` tokens or more before the
    first that counts, save in the first window, where there are none. All windows have `length + 1`
    steps, save where there are fewer tokens.
    """
    asked = length - context  # by every window but the first and the last
    count = 1 + max(0, -(-(tokens - 1 - length) // asked))
    starts = asked * np.arange(count)
    starts[-1] = max(0, tokens - 1 - length)
    lengths = np.minimum(length + 1, tokens - starts)
    counted = np.concatenate([[0], starts[:-1] + length])  # questions that earlier windows asked
    return starts, lengths, counted - starts


def _facts(split: Split, tokens: np.ndarray, characters: np.ndarray, texts: int) -> SplitFacts:
    return SplitFacts(
        rows=len(split),
        longest=int(split.columns["tokens"].lengths.max()),
        mean_length=float(split.columns["tokens"].lengths.mean()),
        unknown=float((tokens == UNKNOWN).mean()),
        measures={
            "documents": texts,
            "tokens": len(tokens),
            "characters": int(characters.sum()),
        },
    )
