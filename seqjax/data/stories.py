"""Stories with questions in them: the format of bAbI's files, and what is made from it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqjax.data import files
from seqjax.data.arrays import Ragged
from seqjax.data.probes.probe import NOT_ASKED
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError


class Line(NamedTuple):
    """A sentence of a story; a question has an answer."""

    text: str
    answer: str = ""


Story = Sequence[Line]


def read(path: Path, origin: str) -> list[Story]:
    """The stories of a file whose lines are `1 A sentence.` or `2 A question?<tab>answer<tab>1`.

    Number 1 begins a new story; the numbers behind the answer, of the sentences that it follows
    from, are left out.
    """
    stories: list[list[Line]] = []
    for number, line in enumerate(files.decoded(path, origin), start=1):
        if not line.strip():
            continue
        place, _, rest = line.strip().partition(" ")
        text, tab, answer = rest.partition("\t")
        answer = answer.partition("\t")[0].strip()
        if not place.isdecimal() or not text.strip() or (tab and not answer):
            raise UserError(
                f"{origin}, line {number}: {line.strip()[:60]!r} must be a number and a sentence, "
                f"and behind a question a tab and its answer."
            )
        if place == "1":
            stories.append([])
        if not stories:
            raise UserError(f"{origin}, line {number}: the first story must begin with number 1.")
        stories[-1].append(Line(text.strip(), answer))
    return stories


def questions(stories: Sequence[Story]) -> Iterator[Line]:
    """The questions of all stories."""
    return (line for story in stories for line in story if line.answer)


def with_question_first(stories: Sequence[Story]) -> list[Story]:
    """A story for each question, which stands before what was told, without other questions.

    The answer is asked for at the end. A model that reads from left to right then knows what to
    look for (as in Arora et al. 2024, "Just read twice: closing the recall gap for recurrent
    language models", arXiv 2407.05483).
    """
    rows = []
    for story in stories:
        told: list[str] = []
        for line in story:
            if line.answer:
                *before, last = [line.text, *told]
                rows.append([*map(Line, before), Line(last, line.answer)])
            else:
                told.append(line.text)
    return rows


def encode(
    stories: Sequence[Story], labels: Sequence[str], tokenizer: Tokenizer
) -> tuple[Ragged, Ragged]:
    """The tokens of every story, and what is asked: an answer's label at its question's end."""
    lines = tokenizer.encode_batch([line.text for story in stories for line in story])
    label = {answer: number for number, answer in enumerate(labels)}
    answers = [label[line.answer] if line.answer else NOT_ASKED for s in stories for line in s]
    targets = np.full(len(lines.values), NOT_ASKED, np.int32)
    targets[lines.offsets[1:] - 1] = answers
    first = np.cumsum([0] + [len(story) for story in stories])
    offsets = lines.offsets[first]
    return Ragged(lines.values, offsets), Ragged(targets, offsets)
