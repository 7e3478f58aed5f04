"""Look-ups in what came before: key-value pairs, and the token that followed a special one."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np

from seqjax.data.arrays import Split
from seqjax.data.probes.draws import Draws
from seqjax.data.probes.probe import NOT_ASKED, check_at_least, digits, ragged
from seqjax.errors import UserError

KEYS, VALUES, GAPS = range(3)  # streams of MultiQueryRecall
ORDINARY, PLACE = range(2)  # streams of Induction
BLANK = 0


@dataclass(frozen=True)
class MultiQueryRecall:
    """`pairs` of a key and its value, then each key once more: what was its value?

    Multi-query associative recall (MQAR) of Arora et al. (2023, "Zoology: measuring and improving
    recall in efficient language models", figure 2 and the code that made it). After the pairs come
    slots of two steps. One key after the other takes a slot for its query, slot k of those still
    free with a probability proportional to k^(`gap_power` - 1): in text, too, repetitions become
    rarer with their distance by a power law. `targets` asks for the value at the query's own step;
    all other steps after the pairs are blank. The paper has 8,192 tokens, a power of 0.01, and 64
    steps with 4 pairs to 512 steps with 64.

    Token ids: 0 is blank, the others below half of the vocabulary are keys, the rest are values; no
    key and no value comes twice in a row. Rows of train come again in test with a probability
    below 1e-12 for the paper's settings; for few pairs of a small vocabulary, ask `seen`.
    """

    length: int
    pairs: int
    vocabulary_size: int = 8192
    gap_power: float = 0.01

    def __post_init__(self) -> None:
        check_at_least(1, pairs=self.pairs)
        if self.length < 4 * self.pairs or self.length % 2:
            raise UserError(
                f"data.probe.length={self.length} must be even and at least 4 × data.probe.pairs="
                f"{4 * self.pairs}, two steps for each pair and two for each query."
            )
        check_at_least(2 * self.pairs + 2, vocabulary_size=self.vocabulary_size)
        if not 0 < self.gap_power <= 1:
            raise UserError(
                f"data.probe.gap_power={self.gap_power} must be above 0 and at most 1 (all gaps "
                "alike)."
            )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return digits(self.vocabulary_size)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.vocabulary

    @property
    def longest(self) -> int:
        return self.length

    def examples(self, draws: Draws) -> Split:
        """`tokens` and `targets`, all `length` steps long."""
        first_value = self.vocabulary_size // 2
        keys = 1 + draws.distinct(self.pairs, first_value - 1, KEYS)
        values = first_value + draws.distinct(
            self.pairs, self.vocabulary_size - first_value, VALUES
        )
        tokens = np.full((len(draws), self.length), BLANK)
        tokens[:, 0 : 2 * self.pairs : 2] = keys
        tokens[:, 1 : 2 * self.pairs : 2] = values
        targets = np.full_like(tokens, NOT_ASKED)
        steps = 2 * self.pairs + 2 * self._slots(draws)
        np.put_along_axis(tokens, steps, keys, axis=1)
        np.put_along_axis(targets, steps, values, axis=1)
        return Split({"tokens": ragged(tokens), "targets": ragged(targets)})

    def _slots(self, draws: Draws) -> np.ndarray:
        """The slot of each pair's query, [examples, pairs]."""
        slots = np.empty((len(draws), self.pairs), np.int64)
        weights = np.tile(self._slot_weights, (len(draws), 1))
        for pair in range(self.pairs):
            below = weights.cumsum(axis=1)
            drawn = draws.below(below[:, -1:], GAPS, [pair])
            slots[:, pair] = (below <= drawn).sum(axis=1)
            np.put_along_axis(weights, slots[:, pair : pair + 1], 0, axis=1)
        return slots

    @cached_property
    def _slot_weights(self) -> np.ndarray:
        """k^(gap_power - 1) for slots k = 1, 2, …, as whole numbers with a sum of about 2³⁰.

        Decimals, since powers of binary fractions differ between machines in their last digit.
        """
        exponent = Decimal(str(self.gap_power)) - 1
        slots = range(1, self.length // 2 - self.pairs + 1)
        powers = [Decimal(slot) ** exponent for slot in slots]
        scale = 2**30 / sum(powers)
        return np.array([round(scale * power) for power in powers], np.int64)


@dataclass(frozen=True)
class Induction:
    """Random tokens, one special token among them, and the special token again at the end.

    Induction heads (Olsson et al. 2022, "In-context learning and induction heads": after [A] [B] …
    [A], predict [B]) as a task of Gu & Dao (2023, "Mamba", section 4.1.2 and appendix E.1), after
    Dao et al. (2022, "Hungry hungry hippos", section 3.1): what came after the special token the
    first time? The paper trains with 16 tokens and 256 steps, and tests with 2⁶ to 2²⁰ steps.
    `targets` asks at the last step only.

    Token ids: the special token is the last. The first one stands at any place that leaves room for
    an ordinary token after it, each equally likely. Two examples are equal with a probability below
    (vocabulary_size - 1)^(2 - length).
    """

    length: int
    vocabulary_size: int = 16

    def __post_init__(self) -> None:
        check_at_least(3, length=self.length, vocabulary_size=self.vocabulary_size)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return (*digits(self.vocabulary_size - 1), "special")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.vocabulary

    @property
    def longest(self) -> int:
        return self.length

    def examples(self, draws: Draws) -> Split:
        """`tokens` and `targets`, all `length` steps long."""
        special = self.vocabulary_size - 1
        tokens = draws.below(special, ORDINARY, range(self.length))
        place = draws.below(self.length - 2, PLACE, [0])
        np.put_along_axis(tokens, place, special, axis=1)
        tokens[:, -1] = special
        targets = np.full_like(tokens, NOT_ASKED)
        targets[:, -1:] = np.take_along_axis(tokens, place + 1, axis=1)
        return Split({"tokens": ragged(tokens), "targets": ragged(targets)})
