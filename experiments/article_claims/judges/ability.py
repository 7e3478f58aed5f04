"""Claims about what models learn, from the probes, the review snippets and the ablations."""

from pathlib import Path

from experiments.ablations.run import Variant, compare
from experiments.article_claims.evidence import (
    DEPENDS,
    FAILS,
    HOLDS,
    NOT_SHOWN,
    Evidence,
    Finding,
    holds_if,
)
from experiments.long_range.run import PROBES, accuracy, models
from experiments.sentiment.run import cells
from experiments.statistics import Difference, holm, paired_difference, shown_range
from experiments.sweep import rows_of, shared_seeds
from experiments.tuning import Tuned

LEARNED = 0.95
SIGNIFICANT = 0.05
SMALLEST = 1.0  # points of accuracy that are worth a claim
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
    """Whether recurrent networks follow the order of what does not commute, and attention not.

    What does so in one seed alone can, and is not certain to.
    """
    found, ids = {}, []
    for mixer in ("rnn", "lstm", "gru", "transformer"):
        rows = models()["permutations of A5", mixer].rows(evidence.results("long_range"))
        found[mixer] = [row["summary"]["valid"]["accuracy"] for row in rows]
        ids += [row["id"] for row in rows]
    learned = {mixer: [share > LEARNED for share in shares] for mixer, shares in found.items()}
    attention, recurrent = learned.pop("transformer"), list(learned.values())
    if any(attention) or not any(map(any, recurrent)):
        verdict = FAILS
    else:
        verdict = HOLDS if all(map(all, recurrent)) else DEPENDS
    told = ", ".join(f"{mixer} {shown_range(shares, 2)}" for mixer, shares in found.items())
    return Finding(
        verdict,
        f"Products of up to six permutations of A5 told rightly, mean (least–most) of the seeds: "
        f"{told}.",
        tuple(ids),
    )


def hybrids_beat_either(evidence: Evidence) -> Finding:
    """Whether a hybrid is ahead of both of its parts on any probe, beyond the training length.

    That it can cannot be refuted, only left without an example.
    """
    rows = evidence.results("long_range")
    ahead, p_values, ids = {}, {}, []
    for probe in PROBES:
        hybrid, *parts = (models()[probe, mixer] for mixer in ("hybrid", "rglru", "transformer"))
        found = [_ahead(hybrid, part, rows) for part in parts]
        if all(found):
            ahead[probe] = min(difference.mean for difference, _ in found)
            p_values[probe] = max(difference.p_value for difference, _ in found)
            ids += [name for _, names in found for name in names]
    adjusted = holm(p_values)
    best = [probe for probe in ahead if ahead[probe] > 0 and adjusted[probe] < SIGNIFICANT]
    told = ", ".join(
        f"{probe} {difference:+.2g} (corrected p = {adjusted[probe]:.2f})"
        for probe, difference in ahead.items()
    )
    return Finding(
        HOLDS if best else NOT_SHOWN,
        f"Two RG-LRU blocks to one of attention, less the better of RG-LRU and Transformer, on "
        f"longer sequences than in training: {told}.",
        tuple(dict.fromkeys(ids)),
    )


def _ahead(model: Tuned, other: Tuned, results: Path) -> tuple[Difference, list[str]] | None:
    """By how much a model is better on a probe's test, where three seeds of both have run."""
    pairs = shared_seeds(model.rows(results), other.rows(results))
    if len(pairs) < 3:
        return None
    values = (
        [model.sign * row["summary"]["test"][model.metric] for row in side]
        for side in zip(*pairs, strict=True)
    )
    difference = paired_difference(*values)
    return difference, [row["id"] for pair in pairs for row in pair]


def transformer_is_more_accurate(evidence: Evidence) -> Finding:
    """Whether the article's Transformer has the higher test accuracy, seed by seed."""
    return _sentiment(
        evidence,
        lambda summary: 100 * summary["test"]["accuracy"],
        sign=1,
        unit="points of accuracy",
        smallest=SMALLEST,
    )


def transformer_has_lower_loss(evidence: Evidence) -> Finding:
    """Whether its training loss is lower."""
    return _sentiment(
        evidence,
        lambda summary: summary["train"]["loss"],
        sign=-1,
        unit="of training loss, the last epoch",
        smallest=0.0,
    )


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


def of_gain(difference: Difference, p_value: float, sign: int, smallest: float) -> str:
    """The verdict of a claim that something gains; less than `smallest` is as good as nothing."""
    gain = sign * difference.mean
    if p_value < SIGNIFICANT:
        return holds_if(gain > 0)
    return FAILS if gain + difference.half_width < smallest else NOT_SHOWN


def _sentiment(evidence: Evidence, figure, sign: int, unit: str, smallest: float) -> Finding:
    groups, results = cells(), evidence.results("sentiment")
    pairs = shared_seeds(*(rows_of(groups[model], results) for model in ("transformer", "rnn")))
    values = [[figure(row["summary"]) for row in side] for side in zip(*pairs, strict=True)]
    difference = paired_difference(*values)
    return Finding(
        of_gain(difference, difference.p_value, sign, smallest),
        f"Transformer minus RNN: {difference.mean:+.2g} ± {difference.half_width:.2g} {unit} "
        f"over {difference.pairs} seeds (p = {difference.p_value:.2f}).",
        tuple(row["id"] for pair in pairs for row in pair),
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
    verdict = of_gain(variant.difference, variant.adjusted_p, -1 if worse else 1, SMALLEST)
    return Finding(verdict, _effect(variant), variant.ids)


def _no_worse(evidence: Evidence, change: str) -> Finding:
    """Whether the interval leaves no room for a loss of more than `MARGIN` points."""
    variant = _variant(evidence, change)
    mean, half_width, *_ = variant.difference
    certain = abs(mean + MARGIN) > half_width  # the interval lies on one side of the margin
    verdict = holds_if(mean > -MARGIN) if certain else NOT_SHOWN
    return Finding(verdict, _effect(variant), variant.ids)


def _spelled(what: str, found: dict[str, tuple[float, tuple[str, ...]]]) -> str:
    return f"{what}: " + ", ".join(
        f"{mixer} {100 * accuracy:.0f}%" for mixer, (accuracy, _) in found.items()
    )


def _said(verdict: str, what: str, found: dict[str, tuple[float, tuple[str, ...]]]) -> Finding:
    ids = tuple(name for _, names in found.values() for name in names)
    return Finding(verdict, _spelled(what, found) + ".", ids)
