"""Spoken words as sequences of log-mel energies."""

import dataclasses
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqjax.data import files
from seqjax.data.archives import digestible
from seqjax.data.arrays import Ragged, Split
from seqjax.data.dataset import DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.loader import boundaries
from seqjax.data.mel import log_mel
from seqjax.data.prepare import prepared_split
from seqjax.data.recordings import Recording, decoded, read_files, speakers, stretched, tones
from seqjax.errors import UserError, did_you_mean

SOURCES = ("tones", "files", "tfds:spoken_digit")
TEST_TAKES, VALID_TAKES = 5, 10  # takes below these numbers


@dataclass(frozen=True)
class SpeechConfig(DataConfig):
    """Recordings of single words: `frames` (float32 [time, mel bins]) and `label` of every split.

    The Free Spoken Digit Dataset (Jakobovski et al., CC BY-SA 4.0): ten digits, said 50 times each
    by every speaker, wav files of 8 kHz. Its official split tests takes 0 to 4; takes 5 to 9 are
    `valid` here.
    """

    version: ClassVar[int] = 2

    # tones: like those of a telephone's keys, generated, no speech; files: wav files named
    # LABEL_SPEAKER_TAKE.wav; tfds:spoken_digit: the data set's version 1.0.9, downloaded by TFDS
    source: str = "tones"
    train: str = ""  # a folder, tar or zip archive of wav files, of source=files
    test: str = ""  # another one; where it is empty, takes 0 to 4 of train are test
    held_out_speaker: str = ""  # test is all that this one says, and nobody else

    rate: int = 8000  # samples a second that every recording is brought to
    window_milliseconds: float = 25.0  # of a step
    hop_milliseconds: float = 10.0  # from step to step
    mel_bins: int = 40
    max_seconds: float = 2.0  # recordings are cut there
    normalise_recordings: bool = True  # each bin less its mean over the recording (Atal 1974)
    # Training recordings are there at each of these speeds (Ko et al. 2015, "Audio augmentation for
    # speech recognition").
    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    buckets: int = 4  # number of padded lengths, and so of compiled shapes

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, SOURCES)}"
            )
        if (self.source == "files") != bool(self.train) or (self.test and not self.train):
            raise UserError(
                f"data.train={self.train!r} and data.test={self.test!r} with "
                f"data.source={self.source!r}: source=files needs train, and no other has any."
            )
        for field, least in (("rate", 1000), ("mel_bins", 1), ("buckets", 1)):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")
        for field in ("window_milliseconds", "hop_milliseconds"):
            if not 1 <= getattr(self, field) <= 1000 * self.max_seconds:
                raise UserError(
                    f"data.{field}={getattr(self, field)} must be at least 1 and no longer than "
                    f"data.max_seconds={self.max_seconds}."
                )
        if not self.speeds or not all(0.5 <= speed <= 2 for speed in self.speeds):
            raise UserError(f"data.speeds={self.speeds} must be one or more of 0.5 to 2.")

    def fingerprint(self) -> str:
        """A hash of all files, or of the version of what TFDS brings."""
        digest = hashlib.sha256(self.source.encode())
        if self.source.startswith("tfds:"):
            digest.update(importlib.metadata.version("tensorflow-datasets").encode())
        for split, name in (("train", self.train), ("test", self.test)):
            digest.update(f"\n{split}".encode())
            if name and not files.path_of(name).is_dir():
                files.locate(f"data.{split}", name)
            for path in digestible(name) if name else ():
                digest.update(f"\n{path.name} ".encode())
                digest.update(files.digest(path))
        return digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, not by their places."""
        return dataclasses.asdict(self) | {"train": bool(self.train), "test": bool(self.test)}

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """All splits, normalised by the means and deviations of train's bins."""
        spoken = self.recordings(cache_folder)
        labels = tuple(sorted({recording.label for recording in spoken["train"]}))
        for split, recordings in spoken.items():
            unheard = {recording.label for recording in recordings} - set(labels)
            if unheard or not recordings:
                raise UserError(
                    f"data.train has nothing to learn {split} from: {split} has "
                    f"{len(recordings)} recordings, with the labels {sorted(unheard)} that "
                    "train does not have."
                )
        seconds = {
            name: [len(r.samples) / self.rate for r in rows] for name, rows in spoken.items()
        }
        speeds = {"train": self.speeds, "valid": (1.0,), "test": (1.0,)}
        steps = {
            name: [self.steps(r.samples, speed) for speed in speeds[name] for r in rows]
            for name, rows in spoken.items()
        }
        heard = np.concatenate(steps["train"])
        constants = {
            "mean": tuple(map(float, heard.mean(axis=0))),
            "deviation": tuple(float(d) or 1.0 for d in heard.std(axis=0)),
        }
        splits = {
            name: Split(
                {
                    "frames": self.rows(steps[name], constants),
                    "label": np.array(
                        [labels.index(r.label) for _ in speeds[name] for r in rows], np.int32
                    ),
                }
            )
            for name, rows in spoken.items()
        }
        lengths = np.concatenate([split.columns["frames"].lengths for split in splits.values()])
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=labels,
                vocabulary_size=0,
                boundaries={"frames": boundaries(lengths, self.buckets, self.longest)},
                splits={
                    name: SplitFacts(
                        rows=len(split),
                        rows_of_label=tuple(
                            np.bincount(split.columns["label"], minlength=len(labels)).tolist()
                        ),
                        longest=int(split.columns["frames"].lengths.max()),
                        mean_length=float(split.columns["frames"].lengths.mean()),
                        cut=float(np.mean(np.array(seconds[name]) > self.max_seconds)),
                    )
                    for name, split in splits.items()
                },
                notes=(self.told(spoken),),
                frame_size=self.mel_bins,
                normalisation=constants,
            ),
        )

    def recordings(self, cache_folder: Path) -> dict[str, list[Recording]]:
        """What each split consists of."""
        if self.source == "tones":
            everything, named = tones(self.rate), []
        elif self.source == "files":
            everything = read_files("data.train", self.train, self.rate)
            named = read_files("data.test", self.test, self.rate) if self.test else []
        else:
            # Imported here since TFDS takes a second, which a run on prepared data saves.
            from seqjax.data import tfds

            name = self.source.removeprefix("tfds:")
            (archive,) = tfds.downloaded(self.source, name, cache_folder / "tfds").values()
            everything, named = read_files("data.source", str(archive), self.rate), []
        if self.held_out_speaker:
            known = speakers([*everything, *named])
            if self.held_out_speaker not in known:
                raise UserError(
                    f"data.held_out_speaker={self.held_out_speaker!r} says nothing here; "
                    f"{did_you_mean(self.held_out_speaker, known)}"
                )
            test = [r for r in [*everything, *named] if r.speaker == self.held_out_speaker]
            rest = [r for r in [*everything, *named] if r.speaker != self.held_out_speaker]
        elif named:
            test, rest = named, everything
        else:
            test = [r for r in everything if r.take < TEST_TAKES]
            rest = [r for r in everything if r.take >= TEST_TAKES]
        valid = [r for r in rest if TEST_TAKES <= r.take < VALID_TAKES]
        train = [r for r in rest if not TEST_TAKES <= r.take < VALID_TAKES]
        return {"train": train, "valid": valid, "test": test}

    def told(self, spoken: dict[str, list[Recording]]) -> str:
        """Who is heard where, in a sentence."""
        who = {name: ", ".join(speakers(rows)) for name, rows in spoken.items()}
        sound = (
            "Tones like those of telephone keys, no speech"
            if self.source == "tones"
            else "Recordings"
        )
        return (
            f"{sound}: {len(spoken['train']):,} of {who['train']} to train on, at "
            f"{len(self.speeds)} speeds; tested on {len(spoken['test']):,} of {who['test']}."
        )

    @property
    def longest(self) -> int:
        """Steps of a recording of `max_seconds`."""
        window, hop = self.sizes
        return 1 + max(0, int(self.rate * self.max_seconds) - window) // hop

    @property
    def sizes(self) -> tuple[int, int]:
        """Samples of a window, and from one to the next."""
        lengths = (self.window_milliseconds, self.hop_milliseconds)
        window, hop = (max(1, round(self.rate * length / 1000)) for length in lengths)
        return window, hop

    def steps(self, samples: np.ndarray, speed: float) -> np.ndarray:
        """Log-mel energies of a recording, float32 [time, mel bins]."""
        if speed != 1:
            samples = stretched(samples, Fraction(speed))
        window, hop = self.sizes
        samples = samples[: int(self.rate * self.max_seconds)]
        found = log_mel(samples, self.rate, window=window, hop=hop, bins=self.mel_bins)
        return found - found.mean(axis=0) if self.normalise_recordings else found

    def rows(self, steps: Sequence[np.ndarray], constants: dict[str, tuple[float, ...]]) -> Ragged:
        """Recordings as a column, each bin in units of its deviation."""
        mean, deviation = (np.array(constants[name], np.float32) for name in ("mean", "deviation"))
        return Ragged.from_rows([(row - mean) / deviation for row in steps], np.float32)

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: None, cache_folder: Path
    ) -> Split:
        """One split of the data that the run was trained on."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: None) -> Split:
        """Paths of wav files of any sampling rate, cut at `max_seconds`."""
        steps = []
        for line in lines:
            samples = decoded(files.locate("line", line).read_bytes(), f"line={line!r}", self.rate)
            steps.append(self.steps(samples, 1.0))
        return Split({"frames": self.rows(steps, facts.normalisation)})
