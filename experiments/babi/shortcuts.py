"""What a guess gets that ignores who is asked about: `python -m experiments.babi.shortcuts`.

Where somebody is (qa1) is guessed to be the place that was told last; whether somebody is at a
place (qa6, qa9) to be whether anybody is. A mixer that is no better has not been shown to keep
apart who is where.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqjax.data.babi import BabiConfig
from seqjax.data.stories import Line

RESULT = Path(__file__).with_name("shortcuts.json")
FOLDER = "data/babi_en10k"
TASKS = (1, 6, 9)


def main() -> None:
    """Prints one JSON object, the share of right guesses of each task, and writes it."""
    found = {f"qa{task}": accuracy(task, FOLDER) for task in TASKS}
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


def accuracies() -> dict[int, float]:
    """The share of right guesses of each task, as it was written."""
    return {
        int(task.removeprefix("qa")): share
        for task, share in json.loads(RESULT.read_text(encoding="utf-8")).items()
    }


def accuracy(task: int, folder: str) -> float:
    """The share of the test questions that are guessed right."""
    config = BabiConfig(source="files", folder=folder, tasks=(task,))
    right = [
        guess == answer
        for story in config.stories_of_splits()["test"][task]
        for guess, answer in guesses(story)
    ]
    return sum(right) / len(right)


def guesses(story: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """A guess for each question of a story, and its answer."""
    last, places = "", {}
    for line in story:
        match line.text.rstrip(".?").split():
            case ["Where", "is", _]:
                yield last, line.answer
            case ["Is", _, "in", "the", place]:
                yield "yes" if place in places.values() else "no", line.answer
            case [name, "is", "not" | "no", *_]:
                places.pop(name, None)
            case [name, *_, "to" | "in", "the", place]:
                last = places[name] = place


if __name__ == "__main__":
    main()
