"""What the data decided and a run must remember: the contents of its `data.json`."""

import json
from dataclasses import asdict, dataclass, field

from seqjax.errors import UserError


@dataclass(frozen=True)
class SplitFacts:
    """One split, counted after tokenization; what a kind of data does not have is empty or 0."""

    rows: int
    rows_of_label: tuple[int, ...] = ()  # in the order of the labels
    longest: int = 0  # steps of the longest row, before it was cut
    mean_length: float = 0.0  # steps of a row, before it was cut
    cut: float = 0.0  # share of rows that data.max_length cut
    unknown: float = 0.0  # share of tokens that are not in the vocabulary
    measures: dict[str, float] = field(default_factory=dict)  # what else the kind of data counts


@dataclass(frozen=True)
class DataFacts:
    """A prepared data set; what a kind of data does not have is empty or 0."""

    source: str
    fingerprint: str  # changes whenever the raw data do
    labels: tuple[str, ...]  # the name of label 0, 1, …
    vocabulary_size: int  # where tokens come in
    # The lengths that batches are padded to, by column. In a text, the first data.buckets hold all
    # rows; those after them are for longer texts to come, and the last holds data.max_length. A
    # dense column of sequences has its one length.
    boundaries: dict[str, tuple[int, ...]]
    splits: dict[str, SplitFacts]
    notes: tuple[str, ...]  # decisions that the user left to us, one sentence each
    frame_size: int = 0  # features of a step, where frames come in
    target_vocabulary_size: int = 0  # where the tokens that are asked for have one of their own
    target_size: int = 0  # numbers that are asked for, where they are no labels
    # Constants that were taken from the training split, by name: a mean, a standard deviation.
    normalisation: dict[str, tuple[float, ...]] = field(default_factory=dict)
    # Versions and hashes of raw data that differ between machines.
    origin: dict[str, str] = field(default_factory=dict)
    version: int = 1  # of the way in which the raw data become arrays: that of the `DataConfig`

    @property
    def longest(self) -> int:
        """Steps of the longest padded input: of the first column that has boundaries."""
        return next(iter(self.boundaries.values()))[-1]

    def to_json(self) -> str:
        """The contents of `data.json`."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "DataFacts":
        """Reads what `to_json` wrote; UserError says what is wrong with anything else."""
        try:
            fields = json.loads(text)
            facts = cls(
                **fields
                | {
                    "labels": tuple(fields["labels"]),
                    "notes": tuple(fields["notes"]),
                    "boundaries": {
                        column: tuple(map(int, lengths))
                        for column, lengths in fields["boundaries"].items()
                    },
                    "splits": {
                        name: SplitFacts(**split | {"rows_of_label": tuple(split["rows_of_label"])})
                        for name, split in fields["splits"].items()
                    },
                    "normalisation": {
                        name: tuple(map(float, constants))
                        for name, constants in fields.get("normalisation", {}).items()
                    },
                }
            )
            for name, split in facts.splits.items():
                if split.rows_of_label and split.rows != sum(split.rows_of_label):
                    raise ValueError(f"splits.{name}.rows is not the sum of its labels' rows")
            if not isinstance(facts.vocabulary_size, int):
                raise TypeError("vocabulary_size is not a whole number")
        except KeyError as error:
            raise UserError(f"data.json is damaged: it has no {error.args[0]}.") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"data.json is damaged: {error}.") from error
        return facts
