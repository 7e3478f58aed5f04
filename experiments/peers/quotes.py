"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.peers import profile
from experiments.peers import table as peers
from experiments.sweep import read_lines

# Our time over that of the fastest peer: at 64 steps, and beyond.
AIMS = {"rnn": (1.0, 0.5), "lstm": (1.0, 0.75), "gru": (1.0, 0.75), "transformer": (1.0, 1.5)}


def quotes() -> Iterator[str]:
    """How fast a train step is beside other frameworks, and what holds it up."""
    ratios = {(row["model"], row["time"]): row["ratio"] for row in read_lines(peers.RESULTS)}
    missed = [
        f"`{model}` at {time} steps ({ratio:.2f})"
        for (model, time), ratio in ratios.items()
        if ratio > AIMS[model][time > 64]
    ]
    yield f"Missed are those of {', '.join(missed)}."
    small = {
        row["model"]: 1e3 * row["milliseconds"]["loop: the rest"] / row["time"]
        for row in read_lines(profile.RESULTS)
    }
    yield (
        f"the rest inside it many small operations, {small['rnn']:.0f} microseconds for each step "
        f"of the `rnn` and {small['lstm']:.0f} of the `lstm`"
    )
