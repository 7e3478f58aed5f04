"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

import numpy as np

from experiments.sentiment import imdb
from experiments.sentiment import run as sentiment
from experiments.sentiment.contest import behind_line, entries
from experiments.sentiment.films import read_films
from experiments.statistics import SIGNIFICANT, Difference, holm
from experiments.sweep import rows_of


def quotes() -> Iterator[str]:
    """What a word order is worth on whole reviews."""
    line = sentiment.linear_models("rotten_tomatoes")[sentiment.TF_IDF]["test_correct"]
    articles = {
        model: behind_line(rows_of(cells, sentiment.RESULTS), line, read_films())
        for model, cells in sentiment.cells().items()
    }
    yield (
        f"tf-idf with logistic regression, which is {_told(articles['rnn'])} points above the RNN "
        f"and {_told(articles['transformer'])} above the Transformer"
    )
    certain = holm({model: articles[model].p_value for model in ("rnn", "transformer")})
    yield (
        "both beyond chance" if max(certain.values()) < SIGNIFICANT else "not both beyond chance"
    )
    found = entries(imdb.models(), imdb.RESULTS, None)
    line = sentiment.linear_models("imdb")[sentiment.TF_IDF]["test_correct"]
    yield (
        f"stays {_told(behind_line(found['bag'].rows, line, None))} points below tf-idf with "
        f"logistic regression"
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


def _told(difference: Difference) -> str:
    return f"{difference.mean:.1f} ± {difference.half_width:.1f}"
