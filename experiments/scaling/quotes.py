"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.quoted import between
from experiments.scaling import run as scaling


def quotes() -> Iterator[str]:
    """What more parameters, tokens and context are worth."""
    falls, by_steps, best_places = {}, {}, []
    for mixer in scaling.MIXERS:
        sizes = means(scaling.by_size(mixer, scaling.RESULTS))
        falls[mixer] = sizes[scaling.SIZES[0]] - sizes[scaling.SIZES[-1]]
        by_steps[mixer] = means(scaling.by_steps(mixer, scaling.RESULTS))
        (largest,) = scaling.by_size(mixer, scaling.RESULTS)[scaling.SIZES[-1]]
        best_places.append(scaling.PLACES[int(np.argmin(scaling.by_place(largest)))])
    most, least = (
        between([falls[mixer] for mixer in mixers], ".2f")
        for mixers in (("lstm", "rglru", "hybrid"), ("rnn", "transformer"))
    )
    yield f"LSTM, RG-LRU and hybrid falls by {most}, that of RNN and Transformer by {least}"
    behind = {
        (mixer, steps): by_steps[mixer][steps] - by_steps["lstm"][steps]
        for mixer in ("transformer", "hybrid")
        for steps in scaling.STEPS
    }
    yield (
        f"({behind['transformer', 200]:.2f} and {behind['hybrid', 200]:.2f} after 200 steps, "
        f"{behind['transformer', 1600]:.2f} and {behind['hybrid', 1600]:.2f} after 1,600)"
    )
    yield f"no model gains anything after some {max(best_places)} tokens"


def means(groups: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[int, float]:
    """The mean loss of each group of rows."""
    return {at: float(np.mean(scaling.losses(rows))) for at, rows in groups.items()}
