"""The figures in the prose of the README, as the rows have them."""

import math
from collections.abc import Iterator

from experiments.babi import run as babi
from experiments.babi import shortcuts
from experiments.quoted import WORDS


def quotes() -> Iterator[str]:
    """Who answers which questions."""
    alone = {mixer: babi.reached(mixer, babi.ALONE, babi.RESULTS) for mixer in babi.MIXERS}
    solved = [share for share in alone["gated_deltanet"].values() if share >= babi.SOLVED]
    least = math.floor(100 * min(solved))
    yield (
        f"Gated DeltaNet solves {WORDS[len(solved)]} of {WORDS[len(babi.TASKS)]}, each with above "
        f"{least}% of its test answers right"
    )
    of_yes_or_no = [100 * shares[6] for shares in alone.values() if 6 in shares]
    yield f"all mixers stay between {min(of_yes_or_no):.0f} and {max(of_yes_or_no):.0f}%"
    guessed = {task: f"{share:.1%}" for task, share in shortcuts.accuracies().items()}
    yield f"than the {guessed[6]} of a guess"
    yield f"In qa9 the same guess gets {guessed[9]}"
    together = babi.reached("gated_deltanet", babi.TOGETHER, babi.RESULTS)
    named = [f"qa{task}" for task, share in together.items() if share >= babi.SOLVED]
    yield f"the same mixer solves {' and '.join(named)}"
    first = babi.reached("gru", babi.QUESTION_FIRST, babi.RESULTS)
    named = [f"qa{task}" for task, share in first.items() if share >= babi.SOLVED]
    in_place = babi.reached("gru", babi.TOGETHER, babi.RESULTS)
    yield (
        f"one GRU for all six tasks solves {', '.join(named[:-1])} and {named[-1]}, and has at "
        f"least {min(first[task] for task in shortcuts.TASKS):.1%} of who is where"
    )
    yield (
        f"that reads questions in their places has at most "
        f"{max(in_place[task] for task in shortcuts.TASKS):.1%}"
    )
    trials = [
        babi.accuracies([trial], babi.RESULTS) for trial in babi.question_first("gru").trials()
    ]
    most = {task for found in trials for task, share in found.items() if share >= babi.SOLVED}
    yield f"none of the three trials solves more than {' and '.join(f'qa{task}' for task in most)}"
    yield f"(qa4, {first[4]:.1%}) and what follows from kinds (qa15, {first[15]:.1%})"
