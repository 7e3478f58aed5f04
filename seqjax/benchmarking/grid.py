"""Which cells are measured: the short run and the atlas."""

import itertools
from dataclasses import dataclass

from seqjax.benchmarking.mixer_cells import PROGRAMS, MixerCell, methods_of
from seqjax.errors import UserError, did_you_mean
from seqjax.models.mixers import MIXERS

EVERY_METHOD = sorted({method for mixer in MIXERS for method in methods_of(mixer)})


@dataclass(frozen=True)
class Grid:
    """All combinations, of which decoding has one method."""

    mixers: tuple[str, ...] = tuple(MIXERS)
    lengths: tuple[int, ...] = (64, 512)
    batches: tuple[int, ...] = (8,)
    widths: tuple[int, ...] = (64,)
    methods: tuple[str, ...] = ("auto",)
    works: tuple[str, ...] = tuple(PROGRAMS)

    def __post_init__(self) -> None:
        for flag, words, known in (
            ("mixers", self.mixers, MIXERS),
            ("works", self.works, PROGRAMS),
            ("methods", self.methods, EVERY_METHOD),
        ):
            for word in words:
                if word not in known:
                    raise UserError(f"--{flag} has no {word!r}: {did_you_mean(word, known)}")
        for width in self.widths:
            if width % 4:
                raise UserError(f"--widths={width} must be a multiple of 4, the number of heads.")

    def cells(self) -> list[MixerCell]:
        """The cells that exist, cheap ones first."""
        every = itertools.product(
            self.mixers, self.lengths, self.batches, self.widths, self.methods, self.works
        )
        cells = [MixerCell(*settings) for settings in every]
        return sorted(filter(_exists, cells), key=lambda cell: (cell.size, cell.shape))


SHORT = Grid()

# An afternoon on two cores.
FULL = Grid(
    lengths=(32, 128, 512, 2_048, 8_192, 16_384),
    batches=(1, 8, 32),
    widths=(64, 256),
    methods=tuple(EVERY_METHOD),
)


def _exists(cell: MixerCell) -> bool:
    if cell.work == "decode":
        return cell.method == "auto"
    return cell.method in methods_of(cell.mixer)
