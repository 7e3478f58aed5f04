"""Recordings of single words: wav files with the names of the Free Spoken Digit Dataset, and tones.

`tones` are like those of a telephone's keys (ITU-T Q.23: a low and a high one for each digit), but
further apart, since training recordings are told at other speeds, which change the pitch by a
tenth, as much as there is between two rows of real keys. They are no speech, and stand in where
there are no recordings.
"""

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy  # whose parts are imported when they are first used

from seqjax.data.archives import contents
from seqjax.data.probes.draws import Draws
from seqjax.errors import UserError

NAME = re.compile(r"([^_]+)_([^_]+)_(\d+)\.wav", re.IGNORECASE)
# Hertz of the keypad's rows and columns, and the key of each digit.
ROWS, COLUMNS = (500, 670, 900, 1200), (1600, 2150, 2900)
KEYS = {0: (3, 1)} | {digit: divmod(digit - 1, 3) for digit in range(1, 10)}
TELEPHONES, TAKES = 4, 25  # of each digit
TONES_SEED = 8000


@dataclass(frozen=True)
class Recording:
    """A word, who says it, the number of the take, and the sound."""

    label: str
    speaker: str
    take: int
    samples: np.ndarray  # float32, in -1 … 1


def read_files(field: str, name: str, rate: int) -> list[Recording]:
    """The wav files `LABEL_SPEAKER_TAKE.wav` of a folder or an archive, at a sampling rate."""
    found = []
    for file, content in contents(field, name, ".wav").items():
        parts = NAME.fullmatch(file)
        if not parts:
            raise UserError(
                f"{field}={name!r}: {file!r} does not tell its label, speaker and take: name it "
                "like 7_jackson_32.wav."
            )
        label, speaker, take = parts.groups()
        samples = decoded(content, f"{field}={name!r}: {file!r}", rate)
        found.append(Recording(label, speaker, int(take), samples))
    return found


def decoded(content: bytes, origin: str, rate: int) -> np.ndarray:
    """A wav file's sound at a sampling rate, its channels averaged, float32 [samples]."""
    try:
        with warnings.catch_warnings():
            # Of chunks that hold no sound.
            warnings.simplefilter("ignore", scipy.io.wavfile.WavFileWarning)
            own_rate, samples = scipy.io.wavfile.read(io.BytesIO(content))
    except Exception as error:  # SciPy fails from damaged files in many ways
        raise UserError(f"{origin} is not a readable wav file.") from error
    if not samples.size or own_rate < 1:
        raise UserError(f"{origin} holds no sound.")
    if samples.dtype == np.uint8:
        scaled = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        scaled = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
    else:
        scaled = np.nan_to_num(samples.astype(np.float32))
    mono = scaled if scaled.ndim == 1 else scaled.mean(axis=1)
    return mono if own_rate == rate else stretched(mono, Fraction(int(own_rate), rate))


def stretched(samples: np.ndarray, speed: Fraction) -> np.ndarray:
    """The sound at another speed, which raises its pitch as much, float32."""
    ratio = speed.limit_denominator(1000)
    changed = scipy.signal.resample_poly(samples, ratio.denominator, ratio.numerator)
    return changed.astype(np.float32)


def tones(rate: int) -> list[Recording]:
    """Keys of four telephones that are each out of tune, in noise, for 0.1 to 0.4 seconds."""
    places = [(d, t, k) for d in KEYS for t in range(TELEPHONES) for k in range(TAKES)]
    draws = Draws.of(TONES_SEED, np.arange(len(places)))
    telephones = _uniform(Draws.of(TONES_SEED + 1, np.arange(TELEPHONES)), 0, 2)
    found = []
    takes = _uniform(draws, 0, 4)
    for number, (digit, telephone, take) in enumerate(places):
        detuned, twist = 0.98 + 0.04 * telephones[telephone, 0], 0.5 + telephones[telephone, 1]
        seconds, before, level, noise = takes[number]
        length, silence = (int(rate * part) for part in (0.1 + 0.3 * seconds, 0.1 * before))
        moments = np.arange(length) * (2 * np.pi * detuned / rate)
        row, column = KEYS[digit]
        sound = np.sin(ROWS[row] * moments) + twist * np.sin(COLUMNS[column] * moments)
        sound = np.pad((0.05 + 0.2 * level) * sound, (silence, int(0.05 * rate)))
        hiss = _uniform(draws[np.array([number])], 1, len(sound))[0] - 0.5
        samples = np.clip(sound + (0.1 + noise) * hiss, -1, 1).astype(np.float32)
        found.append(Recording(str(digit), f"telephone{telephone}", take, samples))
    return found


def _uniform(draws: Draws, stream: int, count: int) -> np.ndarray:
    """Numbers in [0, 1), float64 [examples, count]."""
    return draws.below(2**32, stream, range(count)) / 2.0**32


def speakers(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Who speaks, in the order of the alphabet."""
    return tuple(sorted({recording.speaker for recording in recordings}))
