"""Stories that are made up, in the manner of three of bAbI's tasks.

1: people go from place to place, and one is asked where somebody is (one supporting fact); 6: the
same with questions of yes and no; 15: what is each kind of animal afraid of, and what each animal
(basic deduction). A story is a function of the seed, the task and its number, on any machine.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seqjax.data.probes.draws import Draws, scaled
from seqjax.data.stories import Line, Story

TASKS = (1, 6, 15)
PEOPLE = ("Mary", "John", "Sandra", "Daniel")
PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
WENT = ("moved", "went", "journeyed", "travelled", "went back")
NAMES = ("Gertrude", "Winona", "Jessica", "Emily")


class Animal(NamedTuple):
    """A kind of animal."""

    one: str
    many: str


ANIMALS = (
    Animal("mouse", "mice"),
    Animal("wolf", "wolves"),
    Animal("cat", "cats"),
    Animal("sheep", "sheep"),
)
QUESTIONS, MOVES = 5, 2  # of a story; moves before each of its questions
WORDS = 64  # random numbers that a story may use


class Choices:
    """The random choices of one story, one after the other."""

    def __init__(self, words: np.ndarray) -> None:
        self._words = iter(words)

    def below(self, bound: int) -> int:
        """A number in 0 … bound - 1."""
        return int(scaled(np.array([next(self._words)]), bound)[0])

    def of(self, items: Sequence) -> object:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence) -> list:
        """All items in another order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in items]


def tell(task: int, seed: int, first: int, count: int) -> list[Story]:
    """So many stories of a task, the first of which has the number `first`."""
    numbers = first + np.arange(count)
    words = Draws.of(seed, numbers).words(task % 16, range(WORDS))
    teller = afraid if task == 15 else wanderings
    return [list(teller(task, Choices(row))) for row in words]


def wanderings(task: int, choose: Choices) -> Iterator[Line]:
    """Where people go, and every now and then a question about one who went somewhere."""
    places: dict[str, str] = {}
    for _ in range(QUESTIONS):
        for _ in range(MOVES):
            person, place = choose.of(PEOPLE), choose.of(PLACES)
            places[person] = place
            yield Line(f"{person} {choose.of(WENT)} to the {place}.")
        person = choose.of(sorted(places))
        if task == 1:
            yield Line(f"Where is {person}?", places[person])
        else:
            place = places[person] if choose.below(2) else choose.of(PLACES)
            answer = "yes" if place == places[person] else "no"
            yield Line(f"Is {person} in the {place}?", answer)


def afraid(task: int, choose: Choices) -> Iterator[Line]:
    """Who is afraid of whom by its kind, and who is of which kind, in any order."""
    feared = {kind: choose.of([other for other in ANIMALS if other != kind]) for kind in ANIMALS}
    kind_of = {name: choose.of(ANIMALS) for name in NAMES}
    told = [f"{kind.many.title()} are afraid of {of.many}." for kind, of in feared.items()]
    told += [f"{name} is a {kind.one}." for name, kind in kind_of.items()]
    for text in choose.shuffled(told):
        yield Line(text)
    for name in choose.shuffled(NAMES):
        yield Line(f"What is {name.lower()} afraid of?", feared[kind_of[name]].one)
