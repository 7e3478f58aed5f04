"""Which model for which case, with the figures that speak for it."""

from collections.abc import Sequence
from pathlib import Path

from experiments.article_claims.evidence import Evidence
from experiments.crossover.atlas import Atlas, Shape, significant
from experiments.long_range.run import accuracy
from experiments.sentiment.run import accuracies, linear_accuracy

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Lines of Markdown."""
    evidence = Evidence(results.parent.parent)
    cases = (_state, _recall, _few_texts, _cpu, _generating, _parallel)
    return [
        "| your case | use | what speaks for it |",
        "|---|---|---|",
        *(f"| {' | '.join(case(evidence))} |" for case in cases),
    ]


def _state(evidence: Evidence) -> tuple[str, str, str]:
    gru, transformer = (_probe(evidence, "parity", mixer) for mixer in ("gru", "transformer"))
    return (
        "a state that every step may change: counting, nesting, tracking",
        "`gru`, `rnn`",
        f"parity at ten times the training length: {gru}, `transformer` {transformer}",
    )


def _recall(evidence: Evidence) -> tuple[str, str, str]:
    names = ("gated_deltanet", "gru", "rglru", "lstm", "transformer", "rnn")
    found = ", ".join(f"`{name}` {_probe(evidence, 'induction', name)}" for name in names)
    return (
        "recall of what stood anywhere before",
        "`gru`, `gated_deltanet`",
        f"induction on sequences longer than in training: {found}",
    )


def _few_texts(evidence: Evidence) -> tuple[str, str, str]:
    found = accuracies(evidence.results("sentiment"))
    return (
        "a label for short texts, ten thousand of them",
        "`bag`, or tf-idf with logistic regression",
        f"test accuracy {found['bag'][0]:.1f}% and {100 * linear_accuracy():.1f}%, `transformer` "
        f"{found['transformer'][0]:.1f}%, `rnn` {found['rnn'][0]:.1f}%",
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


def _probe(evidence: Evidence, probe: str, mixer: str) -> str:
    mean, _ = accuracy(probe, mixer, "test", evidence.results("long_range"))
    return f"{100 * mean:.0f}%"


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
