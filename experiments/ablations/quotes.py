"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.ablations import run as ablations
from experiments.quoted import WORDS
from experiments.statistics import SIGNIFICANT

LITTLE = -10  # points of accuracy by which a change has to be worse, to have learned little


def quotes() -> Iterator[str]:
    """What the parts of a model and of its training are worth."""
    found = ablations.compare(ablations.RESULTS)
    apart = [variant.change for variant in found if variant.adjusted_p < SIGNIFICANT]
    worse = [
        variant.change
        for variant in found
        if variant.change.startswith("SGD") and variant.difference.mean < LITTLE
    ]
    yield f"learns little in three epochs at any of the {WORDS[len(worse)]} rates"
    others = [change for change in apart if change not in worse]
    yield (
        "No other change makes a difference that can be told from chance"
        if not others
        else f"A difference that can be told from chance: {', '.join(others)}"
    )
