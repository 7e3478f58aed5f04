"""What Google publishes of each TPU generation (cloud.google.com/tpu/docs, as of 2026)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One chip of a generation."""

    memory: float  # bytes of HBM
    flops: float  # bfloat16 floating-point operations a second, at peak
    cycles_per_second: float  # of the clock that the compiler's cycles count
    link: float  # bytes a second that one inter-chip link carries in one direction
    wraps_at: int  # a dimension of the torus closes to a ring where it is a multiple of this
    dimensions: int  # of the torus
    cores: int = 1  # that the compiler sees as one device


GIB = 2**30

# Clock: peak operations / (2 x multiply-accumulate cells of all matrix units).
# Link: the published inter-chip bandwidth of a chip / its links / two directions.
CHIPS: dict[str, Chip] = {
    "v4": Chip(32 * GIB, 275e12, 1.05e9, 45e9, 4, 3),
    "v5e": Chip(16 * GIB, 197e12, 1.5e9, 45e9, 16, 2),
    "v5p": Chip(95 * GIB, 459e12, 1.75e9, 90e9, 4, 3, cores=2),
    "v6e": Chip(32 * GIB, 918e12, 1.75e9, 90e9, 16, 2),
    "tpu7x": Chip(192 * GIB, 2307e12, 2.2e9, 90e9, 4, 3),
}
