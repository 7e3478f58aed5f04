"""Claims about what models learn, from the probes, the review snippets and the ablations."""

from collections.abc import Collection
from pathlib import Path

from experiments.ablations.run import Variant, compare
from experiments.article_claims.evidence import (
    DEPENDS,
    FAILS,
    HOLDS,
    NOT_SHOWN,
    SMALLEST,
    Evidence,
    Finding,
    Row,
    holds_if,
    of_gain,
)
from experiments.long_range.run import PROBES, accuracy, models
from experiments.sentiment import imdb
from experiments.sentiment.contest import accuracy_difference
from experiments.sentiment.films import read_films
from experiments.sentiment.run import cells
from experiments.statistics import (
    SIGNIFICANT,
    Difference,
    corrected,
    holm,
    paired_difference,
    shown_range,
)
from experiments.sweep import rows_of, shared_seeds
from experiments.tuning import Tuned

LEARNED = 0.95
MARGIN = 2.0  # points of accuracy that a simplification may cost


def misses_the_long_range(evidence: Evidence) -> Finding:
    """Whether attention recalls what recurrent networks miss."""
    results = evidence.results("long_range")
    near, far = (
        {
            mixer: accuracy("induction", mixer, split, results)
            for mixer in ("rnn", "lstm", "rglru", "transformer")
        }
        for split in ("valid", "test")
    )
    recurrent = [near[mixer][0] > LEARNED for mixer in ("rnn", "lstm", "rglru")]
    if near["transformer"][0] < LEARNED:
        verdict = FAILS
    else:
        verdict = FAILS if all(recurrent) else DEPENDS if any(recurrent) else HOLDS
    told = ", ".join(
        f"{mixer} {100 * share:.0f}% and {100 * far[mixer][0]:.0f}% (seeds: {len(ids)})"
        for mixer, (share, ids) in near.items()
    )
    return Finding(
        verdict,
        f"Recall of what followed a token's earlier occurrence (induction), over 64 steps as in "
        f"training, which judges, and over 256: {told}.",
        tuple(name for _, ids in near.values() for name in ids),
    )


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
    """Whether the Transformer has the higher test accuracy, seed by seed, than the RNN.

    The article's models on review snippets, and models of equal size, tuned alike, on whole
    reviews.
    """
    snippets, reviews = _article_models(evidence), _models_of_reviews(evidence)
    found = corrected(
        {
            "review snippets": accuracy_difference(*snippets, read_films()),
            "whole reviews (IMDB, tuned alike)": accuracy_difference(*reviews, None),
        }
    )
    verdicts = {
        of_gain(each.mean, each.half_width, each.p_value, SMALLEST) for each in found.values()
    }
    told = "; on ".join(
        f"{texts} {_with_p(each, 'points of accuracy')}" for texts, each in found.items()
    )
    return Finding(
        _together(verdicts),
        f"Transformer minus RNN, corrected: on {told}.",
        _ids(*snippets) + _ids(*reviews),
    )


def transformer_has_lower_loss(evidence: Evidence) -> Finding:
    """Whether its loss is lower: in training, and on the validation split at its best and its end.

    The article's models on review snippets, seed by seed.
    """
    rows = _article_models(evidence)
    losses = {
        "training loss in the last epoch": lambda row: row["summary"]["train"]["loss"],
        "validation loss at its best epoch": lambda row: min(at["loss"] for at in row["curve"]),
        "validation loss after the last epoch": lambda row: row["curve"][-1]["loss"],
    }
    found = corrected(
        {
            name: paired_difference(*([loss(row) for row in side] for side in _paired(*rows)))
            for name, loss in losses.items()
        }
    )
    verdicts = {
        of_gain(-each.mean, each.half_width, each.p_value, smallest=0.0) for each in found.values()
    }
    told = "; ".join(_with_p(each, f"of {name}") for name, each in found.items())
    return Finding(_together(verdicts), f"Transformer minus RNN, corrected: {told}.", _ids(*rows))


def _together(verdicts: Collection[str]) -> str:
    """The verdict of several cases: it depends where they differ."""
    first, *others = set(verdicts)
    return DEPENDS if others else first


def _article_models(evidence: Evidence) -> tuple[list[Row], list[Row]]:
    """The rows of the article's Transformer and of its RNN."""
    groups, results = cells(), evidence.results("sentiment")
    return rows_of(groups["transformer"], results), rows_of(groups["rnn"], results)


def _models_of_reviews(evidence: Evidence) -> tuple[list[Row], list[Row]]:
    """The rows of a Transformer and of an RNN of equal size, tuned alike, on IMDB."""
    tuned, results = imdb.models(), evidence.results("sentiment", "imdb")
    return tuned["transformer"].rows(results), tuned["rnn"].rows(results)


def _with_p(difference: Difference, unit: str) -> str:
    return (
        f"{difference.mean:+.2g} ± {difference.half_width:.2g} {unit} over {difference.pairs} "
        f"seeds (p = {difference.p_value:.3f})"
    )


def _ids(*groups: list[Row]) -> tuple[str, ...]:
    """The ids of the rows that pairs are made of."""
    return tuple(row["id"] for side in _paired(*groups) for row in side)


def _paired(*groups: list[Row]) -> list[tuple[Row, ...]]:
    """The rows of the seeds that both groups have, group by group."""
    return list(zip(*shared_seeds(*groups), strict=True))


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


def _variant(evidence: Evidence, change: str) -> Variant:
    return next(
        variant for variant in compare(evidence.results("ablations")) if variant.change == change
    )


def _effect(variant: Variant) -> str:
    return (
        f"{variant.change[0].upper()}{variant.change[1:]}: "
        f"{variant.difference.mean:+.1f} ± {variant.half_width:.1f} points of accuracy on review "
        f"snippets over {variant.difference.pairs} seeds, p = {variant.adjusted_p:.2f}, both "
        f"corrected."
    )


def _change(evidence: Evidence, change: str, *, worse: bool = False) -> Finding:
    """Whether a change is better (or worse) by more than chance."""
    variant = _variant(evidence, change)
    gain = (-1 if worse else 1) * variant.difference.mean
    verdict = of_gain(gain, variant.half_width, variant.adjusted_p, SMALLEST)
    return Finding(verdict, _effect(variant), variant.ids)


def _no_worse(evidence: Evidence, change: str) -> Finding:
    """Whether the interval leaves no room for a loss of more than `MARGIN` points."""
    variant = _variant(evidence, change)
    mean = variant.difference.mean
    certain = abs(mean + MARGIN) > variant.half_width  # the interval is on one side of the margin
    verdict = holds_if(mean > -MARGIN) if certain else NOT_SHOWN
    return Finding(verdict, _effect(variant), variant.ids)
