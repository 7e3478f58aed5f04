"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.crossover import run as crossover
from experiments.crossover.atlas import Atlas, Shape


def quotes() -> Iterator[str]:
    """How times grow with the length, and who is the fastest."""
    atlas, shape = Atlas(crossover.RESULTS, "cpu"), Shape("train")
    exponents = {mixer: atlas.exponent(mixer, shape) for mixer in atlas.mixers}
    steepest = max(exponents, key=exponents.get)
    yield (
        f"The time of {steepest} grows fastest with the length, from 512 steps on to the power "
        f"{exponents[steepest]:.2f}"
    )
    times = {mixer: atlas.series(mixer, shape) for mixer in atlas.mixers}
    fastest = {
        min(atlas.mixers, key=lambda mixer: times[mixer][length]["milliseconds"])
        for length in times["rnn"]
    }
    yield f"the fastest to train is {' or '.join(f'`{mixer}`' for mixer in sorted(fastest))}"
