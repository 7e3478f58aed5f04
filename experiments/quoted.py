"""The figures in the prose of the READMEs, made from the committed rows.

A quote is a phrase as a README has it, with the figures that the rows give. Where these change, the
README no longer contains it, and `python -m experiments.readmes --check` says what it should read.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.ablations import run as ablations
from experiments.applications import run as applications
from experiments.applications.catalogue import APPLICATIONS
from experiments.babi import run as babi
from experiments.certificates import run as certificates
from experiments.certificates.cases import holds
from experiments.crossover import run as crossover
from experiments.crossover.atlas import Atlas, Shape
from experiments.depth import table as depth
from experiments.gradients import run as gradients
from experiments.gradients import trained
from experiments.long_range import run as long_range
from experiments.long_range import state_size
from experiments.peers import profile
from experiments.peers import table as peers
from experiments.scaling import run as scaling
from experiments.sentiment import imdb, snippets
from experiments.sentiment import run as sentiment
from experiments.sentiment.contest import entries
from experiments.sentiment.films import read_films
from experiments.statistics import SIGNIFICANT
from experiments.sweep import ROOT, read_lines, read_rows, rows_of
from seqjax.errors import UserError

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
LEARNED = 0.95  # the share of right answers from which on a probe counts as learned
# Our time over that of the fastest peer: at 64 steps, and beyond.
AIMS = {"rnn": (1.0, 0.5), "lstm": (1.0, 0.75), "gru": (1.0, 0.75), "transformer": (1.0, 1.5)}
LITTLE = -10  # points of accuracy by which a change has to be worse, to have learned little
SST2_SENTENCES = 872  # of the validation split


def check() -> None:
    """Refuses a README that has a figure otherwise than the rows have it."""
    for readme, quotes in QUOTES.items():
        said = in_one_line((ROOT / readme).read_text(encoding="utf-8"))
        for quote in quotes():
            if quote not in said:
                raise UserError(f'{readme} must say "{quote}", as the rows have it.')


def in_one_line(text: str) -> str:
    """The text whatever its line breaks are."""
    return " ".join(text.split())


def between(figures: Sequence[float], form: str) -> str:
    """The least to the greatest of some figures, or the one that both are when rounded."""
    low, high = (format(find(figures), form) for find in (min, max))
    return low if low == high else f"{low.removesuffix('%')} to {high}"


def of_long_range() -> Iterator[str]:
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


def of_scaling() -> Iterator[str]:
    """What more parameters, tokens and context are worth."""
    falls, by_steps, best_places = {}, {}, []
    for mixer in scaling.MIXERS:
        sizes = means(scaling.by_size(mixer, scaling.RESULTS))
        falls[mixer] = sizes[scaling.SIZES[0]] - sizes[scaling.SIZES[-1]]
        by_steps[mixer] = means(scaling.by_steps(mixer, scaling.RESULTS))
        (largest,) = scaling.by_size(mixer, scaling.RESULTS)[scaling.SIZES[-1]]
        best_places.append(scaling.PLACES[int(np.argmin(scaling.by_place(largest)))])
    most, least = (
        between([falls[mixer] for mixer in mixers], ".2f")
        for mixers in (("lstm", "rglru", "hybrid"), ("rnn", "transformer"))
    )
    yield f"LSTM, RG-LRU and hybrid falls by {most}, that of RNN and Transformer by {least}"
    behind = {
        (mixer, steps): by_steps[mixer][steps] - by_steps["lstm"][steps]
        for mixer in ("transformer", "hybrid")
        for steps in scaling.STEPS
    }
    yield (
        f"({behind['transformer', 200]:.2f} and {behind['hybrid', 200]:.2f} after 200 steps, "
        f"{behind['transformer', 1600]:.2f} and {behind['hybrid', 1600]:.2f} after 1,600)"
    )
    yield f"no model gains anything after some {max(best_places)} tokens"


def means(groups: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[int, float]:
    """The mean loss of each group of rows."""
    return {at: float(np.mean(scaling.losses(rows))) for at, rows in groups.items()}


def of_crossover() -> Iterator[str]:
    """How times grow with the length, and who is the fastest."""
    atlas, shape = Atlas(crossover.RESULTS, "cpu"), Shape("train")
    exponents = {mixer: atlas.exponent(mixer, shape) for mixer in atlas.mixers}
    steepest = max(exponents, key=exponents.get)
    yield (
        f"The time of {steepest} grows fastest with the length, from 512 steps on to the power "
        f"{exponents[steepest]:.2f}"
    )
    times = {mixer: atlas.series(mixer, shape) for mixer in atlas.mixers}
    fastest = {
        min(atlas.mixers, key=lambda mixer: times[mixer][length]["milliseconds"])
        for length in times["rnn"]
    }
    yield f"the fastest to train is {' or '.join(f'`{mixer}`' for mixer in sorted(fastest))}"


def of_certificates() -> Iterator[str]:
    """Whether Newton's method returns what the loop would have returned."""
    rows = read_lines(certificates.RESULTS)
    chaotic, others = (
        [row for row in rows if (row["exponent"] > 0) == positive] for positive in (True, False)
    )
    yield f"{sum(map(holds, rows)):,} of {len(rows):,} cases are as promised"
    yield (
        f"Of the {len(chaotic)} chaotic ones {WORDS[sum(row['certified'] for row in chaotic)]} was "
        f"certified, and of the other {len(others)} the loop did "
        f"{sum(not row['certified'] for row in others)}"
    )


def of_depth() -> Iterator[str]:
    """How many steps wait for one another."""
    rows = {(row["recurrence"], row["form"]): row for row in read_lines(depth.RESULTS)}
    dense, diagonal = (rows[cell, "newton"]["iterations"] for cell in ("gru", "paragru"))
    fewer = {
        cell: rows[cell, "sequential"]["arithmetic_depth"]
        / rows[cell, "newton"]["arithmetic_depth"]
        for cell in ("gru", "paragru")
    }
    yield (
        f"A dense Jacobian (GRU) needs {WORDS[dense]} linear recurrences with 8 × 8 matrices, a "
        f"diagonal one (ParaGRU) {WORDS[diagonal]} of numbers: operations that wait for one "
        f"another are {fewer['gru']:.0f} and {fewer['paragru']:.0f} times fewer than in the loop"
    )


def of_peers() -> Iterator[str]:
    """How fast a train step is beside other frameworks, and what holds it up."""
    ratios = {(row["model"], row["time"]): row["ratio"] for row in read_lines(peers.RESULTS)}
    missed = [
        f"`{model}` at {time} steps ({ratio:.2f})"
        for (model, time), ratio in ratios.items()
        if ratio > AIMS[model][time > 64]
    ]
    yield f"Missed are those of {', '.join(missed)}."
    small = {
        row["model"]: 1e3 * row["milliseconds"]["loop: the rest"] / row["time"]
        for row in read_lines(profile.RESULTS)
    }
    yield (
        f"the rest inside it many small operations, {small['rnn']:.0f} microseconds for each step "
        f"of the `rnn` and {small['lstm']:.0f} of the `lstm`"
    )


def of_applications() -> Iterator[str]:
    """Which mixer suits which application."""
    (aim,) = APPLICATIONS["sst2, valid"].lines.values()
    above = applied("sst2, valid", "lstm, in both directions")["accuracy"] - aim["accuracy"]
    fewer = int(above * SST2_SENTENCES) + 1
    yield f"and {WORDS[fewer]} sentence fewer would miss the aim"
    copied = applied("copy, 100 steps", "lstm")["accuracy"]
    errors = [applied("adding, 400 steps", mixer)["loss"] for mixer in ("lstm", "gru")]
    yield (
        f"copying over 100 steps ({copied:.1%} right) and adding 400 numbers (an error of "
        f"{between(errors, '.4f')})"
    )
    recalled = applied("mqar, 8 pairs in 64 steps", "transformer, by attention alone")["accuracy"]
    yield f"MQAR ({recalled:.1%}) by attention alone"
    fast = babi.alone("gated_deltanet", babi.RESULTS)[15]
    slow = applied("babi, qa15", "gated_deltanet, at a rate of 0.01", "test")["accuracy"]
    usual = applied("babi, qa15", "gated_deltanet", "test")["accuracy"]
    yield (
        f"has {fast:.1%} of it after 1,500 steps ([babi](../babi/README.md)), and {slow:.1%} where "
        f"the rate falls over 3,000."
    )
    yield f"it has {usual:.1%}. Each is one seed."


def applied(name: str, model: str, split: str = "valid") -> applications.Metrics:
    """What a model reaches on a split of an application."""
    ran = applications.rows_by_word(APPLICATIONS[name], read_rows(applications.RESULTS))
    return ran[model]["summary"][split]


def of_gradients() -> Iterator[str]:
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


def of_ablations() -> Iterator[str]:
    """What the parts of a model and of its training are worth."""
    found = ablations.compare(ablations.RESULTS)
    apart = [variant.change for variant in found if variant.adjusted_p < SIGNIFICANT]
    worse = [
        variant.change
        for variant in found
        if variant.change.startswith("SGD") and variant.difference.mean < LITTLE
    ]
    yield f"learns little in three epochs at any of the {WORDS[len(worse)]} rates"
    others = [change for change in apart if change not in worse]
    yield (
        "No other change makes a difference that can be told from chance"
        if not others
        else f"A difference that can be told from chance: {', '.join(others)}"
    )


def of_sentiment() -> Iterator[str]:
    """What a word order is worth on whole reviews."""
    found = entries(imdb.models(), imdb.RESULTS, None)
    linear = 100 * min(sentiment.linear_accuracies("imdb").values())
    yield (
        f"stays {linear - np.mean(found['bag'].accuracies):.1f} points below tf-idf with logistic "
        f"regression"
    )
    apart = {name: entry for name, entry in found.items() if entry.difference}
    above = [name for name, entry in apart.items() if entry.difference.mean > 0]
    yield f"{'no model is' if not above else f'{above} are'} above the bag of words"
    certain, others = (
        [name for name, entry in apart.items() if (entry.adjusted_p < SIGNIFICANT) == is_certain]
        for is_certain in (True, False)
    )
    named = {"rnn": "RNN", "lstm": "LSTM", "mingru": "minGRU", "transformer": "Transformer"}

    def told(name: str) -> str:
        return f"{named[name]} ({apart[name].difference.mean:+.1f})"

    yield f"The {' and the '.join(map(told, certain))} can be told from the bag"
    below = all(
        seed < bag
        for name in others
        for seed, bag in zip(found[name].accuracies, found["bag"].accuracies, strict=True)
    )
    yield f"{' and '.join(map(told, others))} are below it in {'every seed' if below else 'mean'}"
    gap = np.mean(found["transformer"].accuracies) - np.mean(found["rnn"].accuracies)
    yield f"The Transformer is {gap:.1f} points above the RNN"


def of_babi() -> Iterator[str]:
    """Who answers which questions."""
    alone = {mixer: babi.alone(mixer, babi.RESULTS) for mixer in babi.MIXERS}
    solved = [share for share in alone["gated_deltanet"].values() if share >= babi.SOLVED]
    least = math.floor(100 * min(solved))
    yield (
        f"Gated DeltaNet solves {WORDS[len(solved)]} of {WORDS[len(babi.TASKS)]}, each with above "
        f"{least}% of its test answers right"
    )
    of_yes_or_no = [100 * shares[6] for shares in alone.values() if 6 in shares]
    yield f"all mixers stay between {min(of_yes_or_no):.0f} and {max(of_yes_or_no):.0f}%"
    together = babi.accuracies(babi.lent("gated_deltanet", babi.TASKS, babi.RESULTS), babi.RESULTS)
    named = [f"qa{task}" for task, share in together.items() if share >= babi.SOLVED]
    yield f"the same mixer solves {' and '.join(named)}"


def of_repository() -> Iterator[str]:
    """The README of the repository."""
    reached = sentiment.accuracies(sentiment.RESULTS)
    line = 100 * sentiment.linear_accuracy()
    gaps = [line - reached[model][0] for model in ("rnn", "transformer")]
    yield (
        f"the RNN and the Transformer stay {WORDS[math.floor(min(gaps))]} to "
        f"{WORDS[math.ceil(max(gaps))]} points below"
    )
    found = entries(snippets.models(), sentiment.RESULTS, read_films())
    apart = [name for name, entry in found.items() if entry.adjusted_p < SIGNIFICANT]
    yield f"{WORDS[len(apart)]} of {len(found) - 1} mixers can be told from the bag"
    rows = {(row["recurrence"], row["form"]): row for row in read_lines(depth.RESULTS)}
    yield (
        f"{rows['gru', 'sequential']['arithmetic_depth']:,} operations wait for one another in the "
        f"loop and {rows['gru', 'newton']['arithmetic_depth']:,} in Newton's method"
    )
    cases = read_lines(certificates.RESULTS)
    yield f"{len(cases):,} random cases"


QUOTES = {
    "README.md": of_repository,
    "experiments/babi/README.md": of_babi,
    "experiments/gradients/README.md": of_gradients,
    "experiments/sentiment/README.md": of_sentiment,
    "experiments/ablations/README.md": of_ablations,
    "experiments/long_range/README.md": of_long_range,
    "experiments/scaling/README.md": of_scaling,
    "experiments/crossover/README.md": of_crossover,
    "experiments/certificates/README.md": of_certificates,
    "experiments/depth/README.md": of_depth,
    "experiments/peers/README.md": of_peers,
    "experiments/applications/README.md": of_applications,
}
