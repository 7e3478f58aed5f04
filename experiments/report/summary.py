"""The main finding in three sentences, with the figures that the committed rows give."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, NOT_SHOWN, Evidence
from experiments.article_claims.ledger import CLAIMS
from experiments.crossover.atlas import Atlas, Shape
from experiments.long_range.run import accuracy
from experiments.sentiment.run import accuracies, linear_accuracy

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Lines of Markdown."""
    evidence = Evidence(results.parent.parent)
    verdicts = Counter(claim.judge(evidence).verdict for claim in CLAIMS)
    sentiment = accuracies(evidence.results("sentiment"))
    return [
        f"{_speed(evidence)} {_ability(evidence)} Of {len(CLAIMS)} claims of the article "
        f"{verdicts[HOLDS]} hold, {verdicts[FAILS]} do not, {verdicts[DEPENDS]} depend on what is "
        f"asked, and of {verdicts[NOT_SHOWN]} nothing is shown either way; on its own kind of "
        f"task, the sentiment of short texts, its RNN ({sentiment['rnn'][0]:.1f}%) and its "
        f"Transformer ({sentiment['transformer'][0]:.1f}%) both stay behind tf-idf with logistic "
        f"regression ({100 * linear_accuracy():.1f}%)."
    ]


def _speed(evidence: Evidence) -> str:
    atlas = Atlas(evidence.results("crossover"), "cpu")
    ratios = atlas.ratios("attention", "rnn", Shape("train"))
    short, long = min(ratios), max(ratios)
    longer = f" and {ratios[long]:.1f} times at {long:,}" if long > short else ""
    plans = evidence.measured("plans")["figures"]
    seconds = {model: plans[model]["step_seconds"] for model in ("rnn", "transformer")}
    return (
        f"**Parallel in time is not the same as fast:** on two CPU cores a train step of attention "
        f"takes {ratios[short]:.1f} times as long as one of a plain RNN at {short} steps{longer}; "
        f"compiled for TPUs, the article's Transformer would take "
        f"{seconds['transformer'] / seconds['rnn']:.2f} times as long as its RNN at "
        f"{plans['length']} steps (an estimate)."
    )


def _ability(evidence: Evidence) -> str:
    rows = evidence.results("long_range")

    def percent(probe: str, mixer: str, split: str) -> str:
        return f"{100 * accuracy(probe, mixer, split, rows)[0]:.0f}%"

    return (
        f"What decides is the task: a GRU follows the parity of its input at ten times the length "
        f"that it was trained on ({percent('parity', 'gru', 'test')} right) where a Transformer "
        f"guesses ({percent('parity', 'transformer', 'test')}), and on induction, a look-up in 64 "
        f"steps, a plain RNN learns nothing ({percent('induction', 'rnn', 'valid')}) where an LSTM "
        f"({percent('induction', 'lstm', 'valid')}), a gated linear recurrence "
        f"({percent('induction', 'rglru', 'valid')}) and a Transformer "
        f"({percent('induction', 'transformer', 'valid')}) learn it, and keep "
        f"{percent('induction', 'lstm', 'test')}, {percent('induction', 'rglru', 'test')} and "
        f"{percent('induction', 'transformer', 'test')} over 256."
    )
