"""The figures in the prose of the README of the repository, as the rows have them."""

import math
from collections.abc import Iterator

from experiments.certificates import run as certificates
from experiments.depth import table as depth
from experiments.quoted import WORDS
from experiments.sentiment import run as sentiment
from experiments.sentiment import snippets
from experiments.sentiment.contest import entries
from experiments.sentiment.films import read_films
from experiments.statistics import SIGNIFICANT
from experiments.sweep import read_lines


def quotes() -> Iterator[str]:
    """The README of the repository."""
    reached = sentiment.accuracies(sentiment.RESULTS)
    line = 100 * sentiment.linear_accuracy()
    gaps = [line - reached[model][0] for model in ("rnn", "transformer")]
    yield (
        f"the RNN and the Transformer stay {WORDS[math.floor(min(gaps))]} to "
        f"{WORDS[math.ceil(max(gaps))]} points below"
    )
    texts = len(read_films())
    errors = {
        f"{100 * math.sqrt(share * (1 - share) / texts):.1f}"
        for share in (reached[model][0] / 100 for model in ("rnn", "transformer"))
    }
    yield (
        f"{texts:,} test texts: one standard error of an accuracy is "
        f"{' or '.join(sorted(errors))} points"
    )
    found = entries(snippets.models(), sentiment.RESULTS, read_films())
    apart = [name for name, entry in found.items() if entry.adjusted_p < SIGNIFICANT]
    yield f"{WORDS[len(apart)]} of {len(found) - 1} mixers can be told from the bag"
    rows = {(row["recurrence"], row["form"]): row for row in read_lines(depth.RESULTS)}
    yield (
        f"{rows['gru', 'sequential']['arithmetic_depth']:,} operations wait for one another in the "
        f"loop and {rows['gru', 'newton']['arithmetic_depth']:,} in Newton's method"
    )
    cases = read_lines(certificates.RESULTS)
    yield f"{len(cases):,} random cases"
