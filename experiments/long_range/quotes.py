"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

import numpy as np

from experiments.applications.quotes import applied
from experiments.long_range import run as long_range
from experiments.long_range import state_size
from experiments.quoted import WORDS, between
from experiments.sweep import rows_of

LEARNED = 0.95  # the share of right answers from which on a probe counts as learned


def quotes() -> Iterator[str]:
    """Who remembers how far."""
    wrong = sum(share < LEARNED for share in seeds("parity", "lstm"))
    yield f"{WORDS[wrong]} of three LSTMs is not"
    yield (
        f"in {beyond('parity', 'gated_deltanet'):.0%} beyond it "
        f"({trials('parity', 'gated_deltanet')[-1]:.0%} at the highest rate, one seed)"
    )
    others = [within("parity", mixer) for mixer in ("rglru", "hybrid", "transformer")]
    yield f"RG-LRU, hybrid and Transformer have {between(others, '.0%')} within it"
    followed = {
        mixer: sum(share >= LEARNED for share in seeds("permutations of A5", mixer, "valid"))
        for mixer in ("lstm", "gru")
    }
    yield (
        f"An LSTM follows it in {WORDS[followed['lstm']]} of three seeds and a GRU in "
        f"{WORDS[followed['gru']]}"
    )
    far = trials("copy", "transformer") + trials("copy", "hybrid")
    yield f"hardly more than guessing ({between(far, '.0%')} against 12.5%)"
    yield f"RG-LRU {within('copy', 'rglru'):.0%} and {beyond('copy', 'rglru'):.0%}, the RNN nothing"
    yield (
        f"RG-LRU {within('selective copy', 'rglru'):.0%}, the LSTM "
        f"{within('selective copy', 'lstm'):.0%}"
    )
    yield (
        f"the LSTM ({beyond('adding', 'lstm'):.3f}) and RG-LRU ({beyond('adding', 'rglru'):.3f}) "
        f"stay far below it at the chosen rates; at another they do not "
        f"({max(trials('adding', 'lstm')):.2f} and {max(trials('adding', 'rglru')):.2f}) and the "
        f"Transformer does ({min(trials('adding', 'transformer')):.3f})"
    )
    yield (
        f"gets {within('mqar', 'gated_deltanet'):.0%} of them and "
        f"{beyond('mqar', 'gated_deltanet'):.0%} of those of sixteen keys within 128 steps, the "
        f"LSTM {within('mqar', 'lstm'):.0%}, RG-LRU {within('mqar', 'rglru'):.0%}"
    )
    guessed = [within("mqar", mixer) for mixer in ("transformer", "hybrid")]
    yield f"the eight values that they have seen ({between(guessed, '.0%')} against 12.5%)"
    longer = applied("mqar, 8 pairs in 64 steps", "transformer, by attention alone")
    yield (
        f"gets {within('mqar', 'attention'):.0%}, and "
        f"{longer['accuracy']:.0%} within 1,500 steps of 64"
    )
    yield f"neighbours are at most {100 * widest_gap():.1f} points apart"
    vectors = [*recalled("lstm"), *recalled("rglru")]
    yield f"at most {max(vectors):.0%} of the values at any of these sizes"
    found = {
        mixer: sum(share > 0.5 for share in recalled(mixer))
        for mixer in ("attention", "gated_deltanet")
    }
    yield (
        f"finds it at {WORDS[found['attention']]} size of three, Gated DeltaNet at "
        f"{WORDS[found['gated_deltanet']]}"
    )


def seeds(probe: str, mixer: str, split: str = "test") -> list[float]:
    """What each seed of the chosen learning rate reaches, on `test` with longer sequences."""
    model = long_range.models()[probe, mixer]
    rows = model.rows(long_range.RESULTS)
    return [row["summary"][split][model.metric] for row in rows]


def within(probe: str, mixer: str) -> float:
    """The mean over seeds on lengths like those of training."""
    return float(np.mean(seeds(probe, mixer, "valid")))


def beyond(probe: str, mixer: str) -> float:
    """The mean over seeds on longer sequences."""
    return float(np.mean(seeds(probe, mixer)))


def trials(probe: str, mixer: str) -> list[float]:
    """What the first seed reaches on longer sequences with each learning rate."""
    model = long_range.models()[probe, mixer]
    rows = rows_of(model.trials(), long_range.RESULTS)
    return [row["summary"]["test"][model.metric] for row in rows]


def widest_gap() -> float:
    """The most by which a mixer is better than the next on expressions or nested lists."""
    shares = [
        [within(probe, mixer) for mixer in long_range.FIVE]
        for probe in ("bracket arithmetic", "listops")
    ]
    return float(np.diff(np.sort(shares)).max())


def recalled(mixer: str) -> list[float]:
    """What models of each size recall."""
    return [share for _, share in state_size.by_size(mixer, long_range.RESULTS).values()]
