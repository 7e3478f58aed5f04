"""Claims about what models learn, from the probes, the review snippets and the ablations."""

from experiments.ablations.run import Variant, compare
from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, Evidence, Finding, holds_if
from experiments.long_range.run import accuracy
from experiments.sentiment.run import cells
from experiments.statistics import paired_difference
from experiments.sweep import rows_of

LEARNED = 0.95
CLOSE = 0.02  # accuracies that are no further apart count as equal
SIGNIFICANT = 0.05
MARGIN = 2.0  # points of accuracy that a simplification may cost


def misses_the_long_range(evidence: Evidence) -> Finding:
    """Whether attention recalls what recurrent networks miss."""
    mixers = ("rnn", "lstm", "rglru", "transformer")
    found = {
        mixer: accuracy("induction", mixer, "valid", evidence.results("long_range"))
        for mixer in mixers
    }
    recurrent = [found[mixer][0] > LEARNED for mixer in ("rnn", "lstm", "rglru")]
    if found["transformer"][0] < LEARNED:
        verdict = FAILS
    else:
        verdict = FAILS if all(recurrent) else DEPENDS if any(recurrent) else HOLDS
    return _said(verdict, "Recall of what followed a token's earlier occurrence (induction)", found)


def temporal_order(evidence: Evidence) -> Finding:
    """Whether recurrent networks follow an order beyond the training length, and attention not."""
    mixers = ("rnn", "gru", "transformer")
    found = {
        mixer: accuracy("parity", mixer, "test", evidence.results("long_range")) for mixer in mixers
    }
    recurrent = min(found["rnn"][0], found["gru"][0]) > LEARNED
    return _said(
        holds_if(recurrent and found["transformer"][0] < LEARNED),
        "Parity at every step, ten times the training length",
        found,
    )


def hybrids_beat_either(evidence: Evidence) -> Finding:
    """Whether a hybrid is ahead of its parts beyond the training length."""
    rows = evidence.results("long_range")
    mixers = ("hybrid", "rglru", "transformer")
    found = {mixer: accuracy("parity", mixer, "test", rows) for mixer in mixers}
    parts = max(found["rglru"][0], found["transformer"][0])
    return _said(
        holds_if(found["hybrid"][0] > parts + CLOSE),
        "Parity at every step, ten times the training length",
        found,
    )


def transformer_is_more_accurate(evidence: Evidence) -> Finding:
    """Whether the article's Transformer has the higher test accuracy, seed by seed."""
    return _sentiment(evidence, lambda summary: 100 * summary["test"]["accuracy"], 1, "points of")


def transformer_has_lower_loss(evidence: Evidence) -> Finding:
    """Whether its training loss is lower."""
    return _sentiment(evidence, lambda summary: summary["train"]["loss"], -1, "of training loss,")


def several_heads(evidence: Evidence) -> Finding:
    """Whether one head is worse than four."""
    return _change(evidence, "one head instead of four", worse=True)


def article_scaling(evidence: Evidence) -> Finding:
    """Whether the article's own scaling of embeddings is no worse than the usual one."""
    return _no_worse(evidence, "the article's scaling of embeddings")


def one_layer_feed_forward(evidence: Evidence) -> Finding:
    """Whether the article's feed-forward of one layer is no worse than the usual one."""
    return _no_worse(evidence, "the article's one-layer feed-forward")


def variational_dropout(evidence: Evidence) -> Finding:
    """Whether variational dropout helps an RNN."""
    return _change(evidence, "variational dropout 0.25")


def clipping(evidence: Evidence) -> Finding:
    """Whether clipping helps an RNN in an ordinary training."""
    return _change(evidence, "gradients clipped to norm 1")


def normalisation(evidence: Evidence) -> Finding:
    """Whether layer normalisation helps an RNN in an ordinary training."""
    return _change(evidence, "layer normalisation after the RNN")


def word_vectors(evidence: Evidence) -> Finding:
    """Whether an RNN gains from trained word vectors."""
    return _change(evidence, "GloVe word vectors")


def positions_matter(evidence: Evidence) -> Finding:
    """Whether review snippets are worse understood without positions."""
    return _change(evidence, "no positions", worse=True)


def _sentiment(evidence: Evidence, figure, sign: int, unit: str) -> Finding:
    groups = cells()
    rows = {
        model: rows_of(groups[model], evidence.results("sentiment"))
        for model in ("transformer", "rnn")
    }
    values = {model: [figure(row["summary"]) for row in found] for model, found in rows.items()}
    difference = paired_difference(values["transformer"], values["rnn"])
    shown = difference.p_value < SIGNIFICANT and sign * difference.mean > 0
    return Finding(
        holds_if(shown),
        f"Transformer minus RNN: {difference.mean:+.2g} ± {difference.half_width:.2g} {unit} "
        f"{'accuracy' if sign > 0 else 'the last epoch'} over {difference.pairs} seeds "
        f"(p = {difference.p_value:.2f}).",
        tuple(row["id"] for found in rows.values() for row in found),
    )


def _variant(evidence: Evidence, change: str) -> Variant:
    return next(
        variant for variant in compare(evidence.results("ablations")) if variant.change == change
    )


def _effect(variant: Variant) -> str:
    difference = variant.difference
    return (
        f"{variant.change[0].upper()}{variant.change[1:]}: "
        f"{difference.mean:+.1f} ± {difference.half_width:.1f} points of accuracy on review "
        f"snippets, {difference.pairs} seeds, corrected p = {variant.adjusted_p:.2f}."
    )


def _change(evidence: Evidence, change: str, *, worse: bool = False) -> Finding:
    """Whether a change is better (or worse) by more than chance."""
    variant = _variant(evidence, change)
    sign = -1 if worse else 1
    shown = variant.adjusted_p < SIGNIFICANT and sign * variant.difference.mean > 0
    return Finding(holds_if(shown), _effect(variant), variant.ids)


def _no_worse(evidence: Evidence, change: str) -> Finding:
    """Whether the interval leaves no room for a loss of more than `MARGIN` points."""
    variant = _variant(evidence, change)
    lowest = variant.difference.mean - variant.difference.half_width
    return Finding(holds_if(lowest > -MARGIN), _effect(variant), variant.ids)


def _spelled(what: str, found: dict[str, tuple[float, tuple[str, ...]]]) -> str:
    return f"{what}: " + ", ".join(
        f"{mixer} {100 * accuracy:.0f}%" for mixer, (accuracy, _) in found.items()
    )


def _said(verdict: str, what: str, found: dict[str, tuple[float, tuple[str, ...]]]) -> Finding:
    ids = tuple(name for _, names in found.values() for name in names)
    return Finding(verdict, _spelled(what, found) + ".", ids)
