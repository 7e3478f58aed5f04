"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

import numpy as np

from experiments.sentiment import imdb
from experiments.sentiment import run as sentiment
from experiments.sentiment.contest import entries
from experiments.statistics import SIGNIFICANT


def quotes() -> Iterator[str]:
    """What a word order is worth on whole reviews."""
    found = entries(imdb.models(), imdb.RESULTS, None)
    linear = 100 * min(sentiment.linear_accuracies("imdb").values())
    yield (
        f"stays {linear - np.mean(found['bag'].accuracies):.1f} points below tf-idf with logistic "
        f"regression"
    )
    apart = {name: entry for name, entry in found.items() if entry.difference}
    above = [name for name, entry in apart.items() if entry.difference.mean > 0]
    yield f"{'no model is' if not above else f'{above} are'} above the bag of words"
    certain, others = (
        [name for name, entry in apart.items() if (entry.adjusted_p < SIGNIFICANT) == is_certain]
        for is_certain in (True, False)
    )
    named = {"rnn": "RNN", "lstm": "LSTM", "mingru": "minGRU", "transformer": "Transformer"}

    def told(name: str) -> str:
        return f"{named[name]} ({apart[name].difference.mean:+.1f})"

    yield f"The {' and the '.join(map(told, certain))} can be told from the bag"
    below = all(
        seed < bag
        for name in others
        for seed, bag in zip(found[name].accuracies, found["bag"].accuracies, strict=True)
    )
    yield f"{' and '.join(map(told, others))} are below it in {'every seed' if below else 'mean'}"
    gap = np.mean(found["transformer"].accuracies) - np.mean(found["rnn"].accuracies)
    yield f"The Transformer is {gap:.1f} points above the RNN"
