"""Which model for which case, with the figures that speak for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.article_claims.evidence import Evidence
from experiments.crossover.atlas import Atlas, Shape, significant
from experiments.long_range.run import accuracy
from experiments.sentiment import snippets
from experiments.sentiment.contest import by_seed
from experiments.sentiment.run import linear_accuracy

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Lines of Markdown."""
    evidence = Evidence(results.parent.parent)
    cases = (
        _flipped,
        _tracked,
        _one_recalled,
        _many_recalled,
        _few_texts,
        _cpu,
        _generating,
        _parallel,
    )
    return [
        "| your case | use | what speaks for it |",
        "|---|---|---|",
        *(f"| {' | '.join(case(evidence))} |" for case in cases),
    ]


def _flipped(evidence: Evidence) -> tuple[str, str, str]:
    mixers = ("gru", "rnn", "lstm", "transformer")
    return (
        "a state that any step may flip (parity)",
        "`gru`, `rnn`",
        f"over 41 to 400 steps, trained on up to 40: {_probed(evidence, 'parity', mixers, 'test')}",
    )


def _tracked(evidence: Evidence) -> tuple[str, str, str]:
    probe, mixers = "permutations of A5", ("rglru", "gru", "lstm", "rnn", "transformer")
    return (
        "a state that depends on the order of the steps (permutations)",
        "`rglru`, `gru`, `lstm`",
        f"products of up to six of A5: {_probed(evidence, probe, mixers, 'valid')}; of seven to "
        f"twelve, more than in training: {_probed(evidence, probe, mixers, 'test')}",
    )


def _one_recalled(evidence: Evidence) -> tuple[str, str, str]:
    mixers = ("gated_deltanet", "gru", "rglru", "lstm", "transformer", "rnn")
    return (
        "one look-up of what stood anywhere before",
        "`gru`, `gated_deltanet`",
        "induction over 256 steps, trained on 64: "
        + _probed(evidence, "induction", mixers, "test"),
    )


def _many_recalled(evidence: Evidence) -> tuple[str, str, str]:
    mixers = ("gated_deltanet", "attention", "rglru", "transformer", "lstm", "rnn")
    return (
        "many look-ups",
        "`gated_deltanet`, attention without feed-forward",
        f"MQAR, eight pairs in 64 steps: {_probed(evidence, 'mqar', mixers, 'valid')}",
    )


def _few_texts(evidence: Evidence) -> tuple[str, str, str]:
    results = evidence.results("sentiment")
    rows = {word: snippets.models()[word].rows(results) for word in ("bag", "gru", "transformer")}
    told = ", ".join(
        f"`{word}` {np.mean(list(by_seed(seeds).values())):.1f}%" for word, seeds in rows.items()
    )
    return (
        "a label for short texts, ten thousand of them",
        "`bag`, or tf-idf with logistic regression",
        f"test accuracy, all tuned alike: {told}; tf-idf {100 * linear_accuracy():.1f}%",
    )


def _cpu(evidence: Evidence) -> tuple[str, str, str]:
    length, said = _times(evidence, "train", ("rnn", "mingru", "lstm", "attention"))
    return ("training on a CPU", "`rnn`, `mingru`", f"a train step at {length}: {said}")


def _generating(evidence: Evidence) -> tuple[str, str, str]:
    length, said = _times(evidence, "decode", ("lstm", "mingru", "attention"))
    memory = evidence.measured("memory")["figures"]
    lstm, attention = memory["lstm"]["carry"][-1], memory["attention"]["carry"][-1]
    return (
        "generating step by step, streaming",
        "any recurrence",
        f"a step after {length}: {said}; a carry of {lstm / 2**10:,.0f} KiB against "
        f"{attention / 2**10:,.0f} KiB of keys and values at {memory['lengths'][-1]:,}",
    )


def _parallel(evidence: Evidence) -> tuple[str, str, str]:
    figures = evidence.measured("depth")["figures"]
    tree, lstm = figures["mingru, as a tree: train"], figures["lstm: train"]
    return (
        "an accelerator whose cores one batch does not fill",
        "`mingru`, `rglru`, attention",
        f"kernels in a row of a train step over {figures['lengths'][-1]} steps: "
        f"{tree['kernels'][-1]:.0f} for a minGRU as a tree, "
        f"{figures['attention: train']['kernels'][-1]:.0f} for attention, "
        f"{lstm['kernels'][-1]:,.0f} for an LSTM (counted, not timed on one)",
    )


def _probed(evidence: Evidence, probe: str, mixers: Sequence[str], split: str) -> str:
    """The mean accuracies of some mixers, and how many seeds they are of."""
    results = evidence.results("long_range")
    found = {mixer: accuracy(probe, mixer, split, results) for mixer in mixers}
    seeds = sorted({len(ids) for _, ids in found.values()})
    of = "one seed" if seeds == [1] else f"{'–'.join(map(str, seeds))} seeds"
    return ", ".join(f"`{mixer}` {100 * mean:.0f}%" for mixer, (mean, _) in found.items()) + (
        f" ({of})"
    )


def _times(evidence: Evidence, work: str, mixers: Sequence[str]) -> tuple[str, str]:
    """The longest length that all have been measured at, and their times there."""
    atlas = Atlas(evidence.results("crossover"), "cpu")
    series = {mixer: atlas.series(mixer, Shape(work)) for mixer in mixers}
    longest = max(set.intersection(*(set(found) for found in series.values())))
    said = ", ".join(
        f"`{mixer}` {significant(found[longest]['milliseconds'], 2)} ms"
        for mixer, found in series.items()
    )
    return f"{longest:,} steps", said
