"""Sound as steps of log-mel energies.

A step is the power spectrum of a window of some milliseconds, summed in overlapping triangles that
are equally wide in mel, `m = 2595 log₁₀(1 + f / 700 Hz)` (O'Shaughnessy 1987): the front end of
Davis and Mermelstein (1980) without its last cosine transform.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

FLOOR = 1e-8  # of an energy, below the rounding of 16-bit samples


def mel(frequency: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."] | float:
    """Hertz to mel."""
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


@lru_cache(maxsize=8)
def triangles(size: int, rate: int, bins: int) -> Float[np.ndarray, "frequencies bins"]:
    """The weight of each of `size // 2 + 1` frequencies in each bin; peaks are 1.

    The corners of all triangles are equally far apart in mel, from 0 to half the rate.
    """
    frequencies = mel(np.arange(size // 2 + 1) * rate / size)
    corners = np.linspace(0, mel(rate / 2), bins + 2)
    width = corners[1]
    return np.maximum(0, 1 - abs(frequencies[:, None] - corners[None, 1:-1]) / width)


def log_mel(
    samples: Float[np.ndarray, " samples"], rate: int, *, window: int, hop: int, bins: int
) -> Float[np.ndarray, "time bins"]:
    """The logarithm of each bin's energy in each window (Hann), float32.

    `window` and `hop` are samples; a sound that is shorter than a window is filled up with silence.
    The spectrum is that of twice the next power of two, so that the lowest bins are not empty.
    """
    samples = np.pad(samples, (0, max(0, window - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    size = 2 << (window - 1).bit_length()
    spectrum = np.fft.rfft(windows * np.hanning(window + 1)[:-1], size)
    energies = (spectrum.real**2 + spectrum.imag**2) @ triangles(size, rate, bins)
    return np.log(np.maximum(energies, FLOOR)).astype(np.float32)
