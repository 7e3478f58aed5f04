"""A generated stream of numbers, half of which can be foretold: for plans and smoke runs.

Each number is, with probability 1/2, its predecessor plus one (modulo the number of numbers), else
drawn anew. Nothing is downloaded, and the best loss that a model can reach is known.
"""

import math

import numpy as np

STREAMS = {"train": 0, "valid": 1, "test": 2}
SEED = 6021


def counting(split: str, length: int, numbers: int) -> np.ndarray:
    """The stream of a split, int32 [length], of 0 … `numbers` - 1; the same on any machine."""
    bits = np.random.Philox(np.random.SeedSequence([SEED, STREAMS[split]])).random_raw(length)
    drawn = (bits >> np.uint64(63)).astype(bool)
    drawn[:1] = True
    steps = np.arange(length)
    since = steps - np.maximum.accumulate(np.where(drawn, steps, 0))
    fresh = (bits & np.uint64(2**62 - 1)) % np.uint64(numbers)
    return ((fresh[steps - since].astype(np.int64) + since) % numbers).astype(np.int32)


def entropy(numbers: int) -> float:
    """Nats that each number tells whoever knows the one before it: the lowest loss."""
    follows = (1 + 1 / numbers) / 2
    other = 1 / (2 * numbers)
    return -follows * math.log(follows) - (numbers - 1) * other * math.log(other)
