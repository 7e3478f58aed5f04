"""The main finding in three sentences, with the figures that the committed rows give."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, NOT_SHOWN, Evidence
from experiments.article_claims.ledger import CLAIMS
from experiments.crossover.atlas import Atlas, Shape, significant
from experiments.long_range.run import accuracy
from experiments.sentiment.run import accuracies, linear_accuracy

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Lines of Markdown: a list of three."""
    evidence = Evidence(results.parent.parent)
    verdicts = Counter(claim.judge(evidence).verdict for claim in CLAIMS)
    sentiment = accuracies(evidence.results("sentiment"))
    return [
        f"- {_speed(evidence)}",
        f"- {_ability(evidence)}",
        f"- **Of {len(CLAIMS)} claims of the article {verdicts[HOLDS]} hold**, {verdicts[FAILS]} "
        f"do not, {verdicts[DEPENDS]} depend on what is asked, and of {verdicts[NOT_SHOWN]} "
        f"nothing is shown either way; on the sentiment of short texts, its own kind of task, its "
        f"RNN ({sentiment['rnn'][0]:.1f}%) and its Transformer "
        f"({sentiment['transformer'][0]:.1f}%) both stay behind tf-idf with logistic regression "
        f"({100 * linear_accuracy():.1f}%).",
    ]


def _speed(evidence: Evidence) -> str:
    atlas = Atlas(evidence.results("crossover"), "cpu")
    ratios = atlas.ratios("attention", "rnn", Shape("train"))
    short, long = min(ratios), max(ratios)
    longer = f" and {significant(ratios[long], 2)} times at {long:,}" if long > short else ""
    plans = evidence.measured("plans")["figures"]
    seconds = {model: plans[model]["step_seconds"] for model in ("rnn", "transformer")}
    return (
        f"**Parallel in time is not the same as fast:** on two CPU cores a train step of attention "
        f"takes {significant(ratios[short], 2)} times as long as one of a plain RNN at {short} "
        f"steps{longer}; "
        f"on TPUs, as their compiler estimates, the article's Transformer would take "
        f"{seconds['transformer'] / seconds['rnn']:.2f} times as long as its RNN."
    )


def _ability(evidence: Evidence) -> str:
    rows = evidence.results("long_range")

    def percent(probe: str, mixer: str, split: str) -> str:
        return f"{100 * accuracy(probe, mixer, split, rows)[0]:.0f}%"

    return (
        f"**What decides is the task:** a GRU follows the parity of its input at ten times the "
        f"length that it was trained on ({percent('parity', 'gru', 'test')} right) where a "
        f"Transformer guesses ({percent('parity', 'transformer', 'test')}); a Transformer looks "
        f"up what stood anywhere in 64 steps ({percent('induction', 'transformer', 'valid')}) "
        f"where a plain RNN cannot ({percent('induction', 'rnn', 'valid')}), but keeps "
        f"{percent('induction', 'transformer', 'test')} over 256 steps, and an LSTM "
        f"{percent('induction', 'lstm', 'test')}."
    )
