"""What is measured: one mixer at one length, batch and width, evaluated in one way."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from seqjax.errors import UserError, did_you_mean
from seqjax.models import ModelConfig
from seqjax.models.config import CHOICES
from seqjax.models.mixers import MIXERS

WORKS = ("train", "forward", "decode")

# The field of `ModelConfig` that says how a mixer is evaluated over time.
METHOD_FIELDS = {
    **dict.fromkeys(
        ("mingru", "minlstm", "lru", "rglru", "ssd", "gated_deltanet"), "linear_recurrence"
    ),
}


@dataclass(frozen=True)
class Cell:
    """One figure of the atlas.

    `work`: a train step (gradient of a loss on every step, Adam), a forward pass, or the decoding
    of one step after `length` others.
    """

    mixer: str
    length: int
    batch: int
    width: int
    method: str
    work: str

    def model(self) -> ModelConfig:
        """One block of the mixer alone, from vectors of `width` to vectors of `width`."""
        fields = {METHOD_FIELDS[self.mixer]: self.method} if self.mixer in METHOD_FIELDS else {}
        return ModelConfig(
            input_size=self.width,
            embedding_size=0,
            pattern=(self.mixer,),
            width=self.width,
            inner_size=self.width,
            state_size=min(self.width, 64),
            window=128 if self.mixer == "local_attention" else 0,
            pool="none",
            **fields,
        )

    @property
    def size(self) -> int:
        """Numbers that come in: what orders cells from cheap to dear."""
        return self.length * self.batch * self.width

    @property
    def shape(self) -> tuple[str, int, int, int]:
        """What cells share that are to be compared: they are measured in the same rounds."""
        return self.work, self.length, self.batch, self.width


def methods_of(mixer: str) -> Sequence[str]:
    """The ways in which a mixer can be evaluated, `auto` first."""
    return CHOICES[METHOD_FIELDS[mixer]] if mixer in METHOD_FIELDS else ("auto",)


EVERY_METHOD = sorted({method for mixer in MIXERS for method in methods_of(mixer)})


@dataclass(frozen=True)
class Grid:
    """All combinations, of which decoding has one method."""

    mixers: tuple[str, ...] = tuple(MIXERS)
    lengths: tuple[int, ...] = (64, 512)
    batches: tuple[int, ...] = (8,)
    widths: tuple[int, ...] = (64,)
    methods: tuple[str, ...] = ("auto",)
    works: tuple[str, ...] = WORKS

    def __post_init__(self) -> None:
        for flag, words, known in (
            ("mixers", self.mixers, MIXERS),
            ("works", self.works, WORKS),
            ("methods", self.methods, EVERY_METHOD),
        ):
            for word in words:
                if word not in known:
                    raise UserError(f"--{flag} has no {word!r}: {did_you_mean(word, known)}")
        for width in self.widths:
            if width % 4:
                raise UserError(f"--widths={width} must be a multiple of 4, the number of heads.")

    def cells(self) -> list[Cell]:
        """The cells that exist, cheap ones first."""
        every = itertools.product(
            self.mixers, self.lengths, self.batches, self.widths, self.methods, self.works
        )
        cells = [Cell(*settings) for settings in every]
        return sorted(filter(_exists, cells), key=lambda cell: (cell.size, cell.shape))


SHORT = Grid()

# An afternoon on two cores.
FULL = Grid(
    lengths=(32, 128, 512, 2_048, 8_192, 16_384),
    batches=(1, 8, 32),
    widths=(64, 256),
    methods=tuple(EVERY_METHOD),
)


def _exists(cell: Cell) -> bool:
    if cell.work == "decode":
        return cell.method == "auto"
    return cell.method in methods_of(cell.mixer)
