"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.crossover import run as crossover
from experiments.crossover.atlas import Atlas, Shape
from experiments.crossover.cost_model import fit


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
    model = fit([row for row in atlas.rows if "milliseconds" in row]).model
    share = "no share" if model.thousand_kernels == 0 else "a share"
    yield f"To kernels that wait for one another the cost model gives {share} of the time"
    yield f"the fastest to train is {' or '.join(f'`{mixer}`' for mixer in sorted(fastest))}"
