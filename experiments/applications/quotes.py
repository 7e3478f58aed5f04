"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator
from typing import Any

from experiments.applications import run as applications
from experiments.applications.catalogue import APPLICATIONS
from experiments.babi import run as babi
from experiments.babi import shortcuts
from experiments.quoted import WORDS, between
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import read_rows

SST2_SENTENCES = 872  # of the validation split


def quotes() -> Iterator[str]:
    """Which mixer suits which application."""
    (aim,) = APPLICATIONS["sst2, valid"].lines.values()
    above = applied("sst2, valid", "lstm, in both directions")["accuracy"] - aim["accuracy"]
    fewer = int(above * SST2_SENTENCES) + 1
    yield f"and {WORDS[fewer]} sentence fewer would miss the aim"
    reviews = APPLICATIONS["imdb"]
    (word,) = reviews.cells
    share = applied("imdb", word, "test")["accuracy"]
    late = _row("imdb", word)["summary"]["wall_seconds"] - 60 * reviews.minutes
    passed = share > max(linear_accuracies(reviews.linear).values())
    yield (
        f"({reviews.minutes:.0f} minutes, and {late:.0f} seconds over) "
        f"{'passed' if passed else 'did not pass'} the linear models"
    )
    bleu = {
        word: f"{_row('translation', word)['test_bleu']['bleu']:.1f}"
        for word in ("mingru", "lstm", "transformer")
    }
    yield (
        f"a minGRU that looks at the source by attention, {bleu['mingru']}, where the "
        f"LSTM has {bleu['lstm']} and the Transformer {bleu['transformer']}"
    )
    best = max(bleu, key=lambda word: float(bleu[word]))
    yield f"**Translation** has the highest BLEU with a {'minGRU' if best == 'mingru' else best}"
    copied = applied("copy, 100 steps", "lstm")["accuracy"]
    errors = [applied("adding, 400 steps", mixer)["loss"] for mixer in ("lstm", "gru")]
    yield (
        f"copying over 100 steps ({copied:.1%} right) and adding 400 numbers (an error of "
        f"{between(errors, '.4f')})"
    )
    recalled = applied("mqar, 8 pairs in 64 steps", "transformer, by attention alone")["accuracy"]
    yield f"MQAR ({recalled:.1%}) by attention alone"
    fast = babi.reached("gated_deltanet", babi.ALONE, babi.RESULTS)[15]
    slow = applied("babi, qa15", "gated_deltanet, at a rate of 0.01", "test")["accuracy"]
    usual = applied("babi, qa15", "gated_deltanet", "test")["accuracy"]
    yield (
        f"has {fast:.1%} of it after 1,500 steps ([babi](../babi/README.md)), and {slow:.1%} where "
        f"the rate falls over 3,000."
    )
    yield f"it has {usual:.1%}. Each is one seed."
    groups = _row("babi, qa6 and qa9", "gated_deltanet")["test_by_group"]
    both = {task: f"{metrics['accuracy']:.1%}" for task, metrics in groups.items()}
    sixth = [babi.reached(mixer, babi.ALONE, babi.RESULTS)[6] for mixer in babi.MIXERS]
    yield (
        f"has {both['6']} of the sixth, where a guess that ignores who is asked about has "
        f"{shortcuts.accuracies()[6]:.1%} and no mixer of [babi](../babi/README.md) more than "
        f"{max(sixth):.1%}, and {both['9']} of the ninth."
    )
    yield f"it has {applied('babi, qa9', 'gated_deltanet', 'test')['accuracy']:.1%} of the ninth."
    first = applied("babi, question first, qa6", "lstm", "test")["accuracy"]
    in_place = babi.reached("lstm", babi.ALONE, babi.RESULTS)
    yield (
        f"an LSTM has {first:.1%} of the sixth after 3,000 steps, and "
        f"{in_place[6]:.1%} after 1,500 where questions stand in their "
        f"places"
    )


def applied(name: str, model: str, split: str = "valid") -> applications.Metrics:
    """What a model reaches on a split of an application."""
    return _row(name, model)["summary"][split]


def _row(name: str, model: str) -> dict[str, Any]:
    ran = applications.rows_by_word(APPLICATIONS[name], read_rows(applications.RESULTS))
    return ran[model]
