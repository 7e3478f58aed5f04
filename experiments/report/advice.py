"""Which model for which case, with the figures that speak for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.applications import run as applications
from experiments.applications.catalogue import APPLICATIONS
from experiments.article_claims.evidence import Evidence
from experiments.babi import run as babi
from experiments.crossover.atlas import Atlas, Shape, significant
from experiments.long_range.run import models
from experiments.sentiment import imdb, snippets
from experiments.sentiment.contest import by_seed
from experiments.sentiment.run import linear_accuracies, linear_accuracy
from experiments.tuning import Tuned

RESULTS = Path(__file__).with_name("results.jsonl")
CLOSE = 0.1  # of accuracy, within which a mixer is named beside the best one
SHORT = ("bag", "gru", "transformer")
LONG = ("bag", "transformer", "lstm", "mingru", "rnn")
# A case, the probe and the split that tell of it, in words, and the mixers that are named.
PROBED = (
    (
        "a state that any step may flip (parity)",
        "parity",
        "test",
        "in sequences of 41 to 400 steps, trained on up to 40",
        ("gru", "rnn", "lstm", "transformer"),
    ),
    (
        "a state that depends on the order of the steps (permutations)",
        "permutations of A5",
        "valid",
        "products of up to six of A5",
        ("rglru", "hybrid", "gru", "lstm", "rnn", "transformer"),
    ),
    (
        "one look-up of what stood anywhere before",
        "induction",
        "test",
        "induction over 256 steps, trained on 64",
        ("gated_deltanet", "gru", "rglru", "lstm", "hybrid", "transformer", "rnn"),
    ),
    (
        "many look-ups",
        "mqar",
        "valid",
        "MQAR, eight pairs in 64 steps (`attention` is alone, without feed-forward)",
        ("gated_deltanet", "attention", "rglru", "transformer", "lstm", "rnn"),
    ),
)


def table(results: Path) -> Sequence[str]:
    """Lines of Markdown."""
    evidence = Evidence(results.parent.parent)
    cases = [_probed(evidence, *asked) for asked in PROBED]
    others = (
        _stories,
        _questions_first,
        _short_texts,
        _long_texts,
        _sentences,
        _cpu,
        _generating,
        _parallel,
    )
    cases += [case(evidence) for case in others]
    return [
        "| your case | use | what speaks for it |",
        "|---|---|---|",
        *(f"| {' | '.join(case)} |" for case in cases),
    ]


def _probed(
    evidence: Evidence, case: str, probe: str, split: str, told: str, mixers: Sequence[str]
) -> tuple[str, str, str]:
    """What mixers reach on a probe, the best first, and which are about as good as the best."""
    results = evidence.results("long_range")
    rows = {mixer: models()[probe, mixer].rows(results) for mixer in mixers}
    found = {
        mixer: [row["summary"][split]["accuracy"] for row in each] for mixer, each in rows.items()
    }
    mean = {mixer: np.mean(shares) for mixer, shares in found.items()}
    order = sorted(mixers, key=mean.__getitem__, reverse=True)
    least = mean[order[0]] - CLOSE
    best = ", ".join(f"`{mixer}`" for mixer in order if mean[mixer] >= least)
    said = ", ".join(f"`{mixer}` {_percent(found[mixer])}" for mixer in order)
    seeds = " or ".join(map(str, sorted({len(shares) for shares in found.values()})))
    return case, best, f"{told}: {said} (seeds: {seeds})"


def _percent(shares: Sequence[float]) -> str:
    """The mean, and the least and the greatest where they are not the same."""
    least, greatest = f"{100 * min(shares):.0f}", f"{100 * max(shares):.0f}"
    among = "" if least == greatest else f" ({least}–{greatest})"
    return f"{np.mean(shares):.0%}{among}"


def _stories(evidence: Evidence) -> tuple[str, str, str]:
    """Which mixers solve most of bAbI's tasks."""
    solved = babi.solved(babi.ALONE, evidence.results("babi"))
    order = sorted(solved, key=solved.__getitem__, reverse=True)
    said = ", ".join(f"`{mixer}` {solved[mixer]}" for mixer in order)
    return (
        "answers to questions about a story (bAbI)",
        f"`{order[0]}`",
        f"of {len(babi.TASKS)} tasks, each learned alone within {babi.STEPS:,} steps, above "
        f"{babi.SOLVED:.0%}: {said} (seeds: 1)",
    )


def _questions_first(evidence: Evidence) -> tuple[str, str, str]:
    """Which mixers follow who is where when they know beforehand who is asked about.

    Of a mixer with several rates the one that is best on the validation split is told.
    """
    application = APPLICATIONS["babi, question first, qa1, qa6 and qa9"]
    rows = applications.rows_by_word(application, evidence.rows("applications"))
    summaries = [(word, row["summary"]) for word, row in rows.items() if "summary" in row]
    summaries.sort(key=lambda each: each[1]["valid"]["accuracy"])
    found = {word.partition(",")[0]: told["test"]["accuracy"] for word, told in summaries}
    order = sorted(found, key=found.__getitem__, reverse=True)
    said = ", ".join(f"`{word}` {found[word]:.1%}" for word in order)
    return (
        "the same, where each question is known before its story",
        f"`{order[0]}`",
        f"who is where (bAbI's tasks 1, 6 and 9 by one model): {said} (seeds: 1)",
    )


def _sentences(evidence: Evidence) -> tuple[str, str, str]:
    """How well mixers translate, and what they keep meanwhile."""
    application = APPLICATIONS["translation"]
    rows = applications.rows_by_word(application, evidence.rows("applications"))
    found = {word: row["test_bleu"] for word, row in rows.items() if "test_bleu" in row}
    order = sorted(found, key=lambda word: found[word]["bleu"], reverse=True)
    said = ", ".join(
        f"`{word}` {found[word]['bleu']:.1f} and {found[word]['state_bytes_per_pair']:,}"
        for word in order
    )
    return (
        "a translation of short sentences, 29,000 pairs",
        "`lstm` or `mingru`, with attention to the source, where memory counts",
        f"Multi30k, BLEU and bytes of state a pair: {said} (seeds: 1)",
    )


def _short_texts(evidence: Evidence) -> tuple[str, str, str]:
    told = _accuracies(snippets.models(), evidence.results("sentiment"), SHORT)
    return (
        "a label for short texts, ten thousand of them",
        "`bag`, or tf-idf with logistic regression",
        f"test accuracy, all tuned alike: {told}; tf-idf {100 * linear_accuracy():.1f}%",
    )


def _long_texts(evidence: Evidence) -> tuple[str, str, str]:
    told = _accuracies(imdb.models(), evidence.results("sentiment", "imdb"), LONG)
    lines = ", ".join(
        f"{line} {100 * share:.1f}%" for line, share in linear_accuracies("imdb").items()
    )
    return (
        "a label for whole reviews, 25,000 of them",
        "tf-idf with logistic regression, then `bag`, `transformer`",
        f"test accuracy, all tuned alike: {told}; {lines}",
    )


def _accuracies(models: Mapping[str, Tuned], results: Path, words: Sequence[str]) -> str:
    """Of the models that are named, means over seeds."""
    shares = {word: np.mean(list(by_seed(models[word].rows(results)).values())) for word in words}
    return ", ".join(f"`{word}` {share:.1f}%" for word, share in shares.items())


def _cpu(evidence: Evidence) -> tuple[str, str, str]:
    length, times = _times(evidence, "train", ("rnn", "mingru", "lstm", "attention"))
    fastest = sorted(times, key=times.__getitem__)[:2]
    use = ", ".join(f"`{mixer}`" for mixer in fastest)
    return ("training on a CPU", use, f"a train step at {length}: {_milliseconds(times)}")


def _generating(evidence: Evidence) -> tuple[str, str, str]:
    length, times = _times(evidence, "decode", ("lstm", "mingru", "attention"))
    memory = evidence.measured("memory")["figures"]
    lstm, attention = memory["lstm"]["carry"][-1], memory["attention"]["carry"][-1]
    return (
        "generating step by step, streaming",
        "any recurrence",
        f"a step after {length}: {_milliseconds(times)}; a carry of {lstm / 2**10:,.0f} KiB "
        f"against {attention / 2**10:,.0f} KiB of keys and values at {memory['lengths'][-1]:,}",
    )


def _parallel(evidence: Evidence) -> tuple[str, str, str]:
    figures = evidence.measured("depth")["figures"]
    tree, lstm = figures["mingru, as a tree: train"], figures["lstm: train"]
    return (
        "an accelerator whose cores one batch does not fill",
        "`mingru`, attention",
        f"kernels in a row of a train step over {figures['lengths'][-1]} steps: "
        f"{tree['kernels'][-1]:.0f} for a minGRU as a tree, "
        f"{figures['attention: train']['kernels'][-1]:.0f} for attention, "
        f"{lstm['kernels'][-1]:,.0f} for an LSTM (counted, not timed on one)",
    )


def _times(evidence: Evidence, work: str, mixers: Sequence[str]) -> tuple[str, dict[str, float]]:
    """The longest length that all have been measured at, and their milliseconds there."""
    atlas = Atlas(evidence.results("crossover"), "cpu")
    series = {mixer: atlas.series(mixer, Shape(work)) for mixer in mixers}
    longest = max(set.intersection(*(set(found) for found in series.values())))
    times = {mixer: found[longest]["milliseconds"] for mixer, found in series.items()}
    return f"{longest:,} steps", times


def _milliseconds(times: Mapping[str, float]) -> str:
    return ", ".join(f"`{mixer}` {significant(time, 2)} ms" for mixer, time in times.items())
