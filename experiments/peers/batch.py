"""The batch that every contender trains on: rows of full length, the same in each framework."""

from typing import Any

import numpy as np


def make_batch(settings: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """`tokens` [batch, time] and binary `labels` [batch], int32."""
    chance = np.random.default_rng(0)
    shape = settings["batch"], settings["time"]
    tokens = chance.integers(1, settings["vocabulary_size"], shape, dtype=np.int32)
    return tokens, np.arange(settings["batch"], dtype=np.int32) % 2


def sinusoidal(time: int, size: int) -> np.ndarray:
    """The positions of Vaswani et al. 2017, section 3.5: `[time, size]`, float32."""
    rates = 10_000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.arange(time)[:, None] * rates
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(time, size).astype(np.float32)
