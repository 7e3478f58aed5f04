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
    yield from _who_is_where()


def _who_is_where() -> Iterator[str]:
    """bAbI's tasks 1, 6 and 9, with questions in their places and before their stories."""
    ninth_alone = applied("babi, qa9", "gated_deltanet", "test")["accuracy"]
    in_place, first = "babi, qa1, qa6 and qa9", "babi, question first, qa1, qa6 and qa9"
    best = _of_tasks(in_place, "gated_deltanet, its weights decaying")
    two = _of_tasks("babi, qa6 and qa9", "gated_deltanet")
    yield (
        f"has {best['6']} of the sixth, and {best['9']} of the ninth, of which it has "
        f"{ninth_alone:.1%} alone; without the first task and the decay it has {two['6']} and "
        f"{two['9']}"
    )
    guessed = shortcuts.accuracies()[6]
    yield f"a guess that ignores who is asked about has {guessed:.1%} of the sixth"
    told = _row(first, "gru")
    (share,) = set(_of_tasks(first, "gru").values())
    solved = next(point["step"] for point in told["curve"] if point["accuracy"] == 1)
    yield f"a GRU has {share} of each of the three, and had all of the validation split right"
    yield f"after {solved:,} steps"
    yield f"In their places it has {_of_tasks(in_place, 'gru')['6']} of the sixth"
    lstm = _of_tasks(first, "lstm")
    transformer = _of_tasks(
        first, max(_rates(first, "transformer"), key=lambda word: applied(first, word)["accuracy"])
    )
    yield (
        f"An LSTM that reads the question first has {lstm['1']} of the first task but "
        f"{lstm['6']} of the sixth, a Transformer at the better of two rates "
        f"{transformer['1']} and {transformer['6']}"
    )
    sixth = "babi, question first, qa6"
    yield (
        f"Of the sixth alone an LSTM has {applied(sixth, 'lstm', 'test')['accuracy']:.1%} after "
        f"3,000 steps and a GRU {applied(sixth, 'gru, for longer', 'test')['accuracy']:.1%} after "
        f"20,000"
    )
    yield f"some mixer has {_least_of_the_best():.1%} of each of the six tasks"


def _least_of_the_best() -> float:
    """What the best mixer of each of the six tasks has, where that is least."""
    first = _row("babi, question first, qa1, qa6 and qa9", "gru")["test_by_group"]
    best = babi.reached("gated_deltanet", babi.ALONE, babi.RESULTS)
    best |= {int(task): metrics["accuracy"] for task, metrics in first.items()}
    best[15] = applied("babi, qa15", "gated_deltanet", "test")["accuracy"]
    return min(best[task] for task in babi.TASKS)


def _rates(name: str, mixer: str) -> list[str]:
    """The models of an application that differ in nothing but their learning rate."""
    return [word for word in APPLICATIONS[name].cells if word.partition(",")[0] == mixer]


def _of_tasks(name: str, model: str) -> dict[str, str]:
    """The test accuracy of each of bAbI's tasks."""
    groups = _row(name, model)["test_by_group"]
    return {task: f"{metrics['accuracy']:.1%}" for task, metrics in groups.items()}


def applied(name: str, model: str, split: str = "valid") -> applications.Metrics:
    """What a model reaches on a split of an application."""
    return _row(name, model)["summary"][split]


def _row(name: str, model: str) -> dict[str, Any]:
    ran = applications.rows_by_word(APPLICATIONS[name], read_rows(applications.RESULTS))
    return ran[model]
