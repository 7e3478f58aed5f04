"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.gradients import run as gradients
from experiments.gradients import trained
from experiments.quoted import WORDS, between


def quotes() -> Iterator[str]:
    """How gradients fare over time, and who learns in spite of it."""

    def count(name: str) -> int:
        return gradients.learned(gradients.repeated(name, gradients.RESULTS))

    every = {count(mixer) for mixer in ("attention", "lru")}
    none = {count(mixer) for mixer in ("gru", "mingru", "minlstm", "paragru", "paralstm")}
    yield (
        f"attention and the LRU learn with all {WORDS[min(every)]} seeds, RG-LRU with "
        f"{count('rglru')}, SSD with {count('ssd')}, the LSTM with {count('lstm')}, RNN and Gated "
        f"DeltaNet with {_same(count('rnn'), count('gated_deltanet'))}, and GRU, minGRU, minLSTM, "
        f"ParaGRU and ParaLSTM with {WORDS[max(none)]}"
    )
    weights = ("rnn, weights doubled", "rnn, weights halved")
    remedies = [count(f"{name}{remedy}") for name in weights for remedy in gradients.REMEDIES]
    yield (
        f"neither clipping nor normalisation nor Adam in place of SGD makes the task learnable "
        f"then ({WORDS[max(remedies)]} of ten seeds)"
    )
    yield (
        f"with the usual weights {count('rnn, clipped')} seeds learn with clipping, "
        f"{count('rnn, normalised')} with normalisation, and {WORDS[count('rnn, SGD')]} with SGD"
    )
    yield f"Over 16 steps the RNN learns with {WORDS[count('rnn, 16 steps')]} of ten"
    rows = trained.by_name(trained.RESULTS)

    def solved(name: str, *, learned: bool) -> list[dict]:
        return trained.cases(trained.those(rows[name], learned=learned), "after_training")

    def share(cases: Sequence[Mapping]) -> str:
        return f"{np.mean([case['certified'] for case in cases]):.0%}"

    def iterations(cases: Sequence[Mapping]) -> str:
        return f"{np.median([case['iterations'] for case in cases if case['certified']]):g}"

    yield (
        f"LSTMs that have learned {share(solved('lstm', learned=True))} are certified, of those "
        f"that have not {share(solved('lstm', learned=False))}"
    )
    after, before = solved("rnn", learned=True), trained.cases(rows["rnn"], "at_start")
    everything = "all" if share(before) == "100%" else share(before)
    yield (
        f"RNNs that have learned {share(after)} are, in {iterations(after)} iterations, where "
        f"before training {everything} were, in {iterations(before)}."
    )
    doubled = trained.cases(rows["rnn, weights doubled"], "after_training")
    yield f"{'nothing' if share(doubled) == '0%' else share(doubled)} is certified"
    yield f"which all RNNs learn, it is {share(solved('rnn, 16 steps', learned=True))}"
    said = [trained.predicted(rows[name]) for name in ("rnn", "rnn, 16 steps", "lstm")]
    yield f"({between([figure.certified for figure in said], '.2f')})"
    yield f"rank correlations of {between([figure.iterations for figure in said], '+.2f')}"


def _same(*numbers: int) -> str:
    """The one number that several are."""
    return " and ".join(map(str, dict.fromkeys(numbers)))
