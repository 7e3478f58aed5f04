"""States that every step changes: the parity of bits, and the product of permutations."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations

import numpy as np

from seqjax.data.arrays import Split
from seqjax.data.probes.draws import Draws
from seqjax.data.probes.probe import check_lengths, digits, random_lengths, unpadded
from seqjax.errors import UserError, did_you_mean

STEPS = 1  # stream
GROUPS = ("S5", "A5")


@dataclass(frozen=True)
class Parity:
    """Random bits: is the number of ones even or odd?

    Parity check of Delétang et al. (2023, "Neural networks and the Chomsky hierarchy", appendices
    A.3 and A.4): trained on 1 to 40 bits, tested on up to 500. Each length in the range is equally
    likely. With `per_step`, `targets` asks for the parity of the bits so far at every step;
    without, `label` asks for that of all bits.

    Token ids are the bits; label 0 is even. There are only 2^length strings, so short rows of train
    come again in test, a row of n bits with probability 1 - exp(-rows of train of n bits / 2ⁿ): for
    100,000 rows of 1 to 40 bits, 29% of all rows of test do, nearly all of up to 9 bits, 7% of 15
    and 0.2% of 20. `seen` tells which. Lengths beyond those of train cannot come again.
    """

    min_length: int
    max_length: int
    per_step: bool = False

    def __post_init__(self) -> None:
        check_lengths(self.min_length, self.max_length)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return digits(2)

    @property
    def labels(self) -> tuple[str, ...]:
        return ("even", "odd")

    @property
    def longest(self) -> int:
        return self.max_length

    def examples(self, draws: Draws) -> Split:
        """`tokens`, and `targets` or `label`."""
        lengths = random_lengths(draws, self.min_length, self.max_length)
        bits = draws.below(2, STEPS, range(self.max_length)).astype(np.int32)
        parities = bits.cumsum(axis=1, dtype=np.int32) % 2
        tokens = unpadded(bits, lengths)
        if self.per_step:
            return Split({"tokens": tokens, "targets": unpadded(parities, lengths)})
        return Split({"tokens": tokens, "label": parities[np.arange(len(draws)), lengths - 1]})


@dataclass(frozen=True)
class Permutations:
    """Random permutations of five things: where is everything after each of them?

    The word problem of the groups S5 (all 120) and A5 (the 60 even ones), of Merrill, Petty &
    Sabharwal (2024, "The illusion of state in state-space models", sections 3.1 and 6): complete
    for NC¹, and so out of reach for Transformers and linear state-space models of a fixed depth
    unless TC⁰ = NC¹. At every step, `targets` asks for the product of the permutations so far,
    where the newest is applied last: `product[i] = newest[product[i]]`.

    Token ids and labels are the elements in lexicographic order, so 0 is the identity. Each length
    in the range is equally likely. There are only 120^length (S5) or 60^length (A5) rows: among
    100,000 rows of train of one length come all rows of test of 2 steps, 6% (S5) or 37% (A5) of
    those of 3, 0.05% or 0.8% of 4, and next to none of 5. `seen` tells which.
    """

    group: str
    min_length: int
    max_length: int

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise UserError(
                f"data.probe.group={self.group!r} is unknown; {did_you_mean(self.group, GROUPS)}"
            )
        check_lengths(self.min_length, self.max_length)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return tuple("".join(map(str, element)) for element in self._elements)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.vocabulary

    @property
    def longest(self) -> int:
        return self.max_length

    def examples(self, draws: Draws) -> Split:
        """`tokens` and `targets`."""
        lengths = random_lengths(draws, self.min_length, self.max_length)
        steps = draws.below(len(self._elements), STEPS, range(self.max_length)).astype(np.int32)
        products = np.empty_like(steps)
        product = np.zeros(len(draws), np.int32)
        for step in range(self.max_length):
            product = products[:, step] = self._table[product, steps[:, step]]
        return Split({"tokens": unpadded(steps, lengths), "targets": unpadded(products, lengths)})

    @cached_property
    def _elements(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            element
            for element in permutations(range(5))
            if self.group == "S5" or inversions(element) % 2 == 0
        )

    @cached_property
    def _table(self) -> np.ndarray:
        """`table[p, q]` is the element that applies p and then q, int32."""
        elements = np.array(self._elements)
        number_of = np.empty((5,) * 5, np.int32)
        number_of[tuple(elements.T)] = np.arange(len(elements))
        products = elements[:, elements]  # [q, p, place]
        return number_of[tuple(products.T)]


def inversions(element: tuple[int, ...]) -> int:
    """Pairs that a permutation puts in the wrong order: even for an even permutation."""
    return sum(first > second for first, second in combinations(element, 2))
