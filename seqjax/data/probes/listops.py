"""Nested operations on lists of digits."""

from dataclasses import dataclass

import numpy as np

from seqjax.data.arrays import Split
from seqjax.data.probes.draws import Draws
from seqjax.data.probes.probe import check_at_least, check_lengths, digits, unpadded
from seqjax.errors import UserError

TREE = 0  # stream
OPERATORS = ("[MIN", "[MAX", "[MED", "[SM")
FIRST_OPERATOR = 10  # token id, after the digits
CLOSE = FIRST_OPERATOR + len(OPERATORS)


@dataclass(frozen=True)
class ListOps:
    """Lists such as `[MAX 2 9 [MIN 4 7 ] 0 ]`: what digit is it?

    ListOps of Nangia & Bowman (2018, "ListOps: a diagnostic dataset for latent tree learning", and
    the code that made it): minimum, maximum, median (of an even number of digits the mean of the
    middle two, rounded down) and sum modulo 10. A node is an operator with probability 1/4 and else
    a digit, a digit always at depth `max_depth` (the root has depth 1); an operator has 2 to
    `max_arguments` arguments, each number equally likely. They have depth 20 and 5 arguments. Trees
    with fewer than `min_length` or more than `max_length` tokens are drawn anew, as for Long
    ListOps (Tay et al. 2021, "Long range arena"; depth 10, 10 arguments, 501 to 1,999 tokens). Like
    that, this leaves out the round brackets that spell out the tree.

    Token ids: the digits, [MIN, [MAX, [MED, [SM and ]. `label` is the result. Short trees are many,
    and few differ: three in four are a lone digit, the next have 4 tokens. Of 10,000 rows of test,
    81% come among 100,000 of train for 1 to 100 tokens, 29% for 4 to 100 (all of 4, 18% of 6), and
    none for 20 to 100. `seen` tells which.
    """

    min_length: int
    max_length: int
    max_depth: int = 20
    max_arguments: int = 5

    def __post_init__(self) -> None:
        check_lengths(self.min_length, self.max_length)
        check_at_least(2, max_depth=self.max_depth, max_arguments=self.max_arguments)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return (*digits(10), *OPERATORS, "]")

    @property
    def labels(self) -> tuple[str, ...]:
        return digits(10)

    @property
    def longest(self) -> int:
        return self.max_length

    def examples(self, draws: Draws) -> Split:
        """`tokens` and `label`; UserError where next to no tree has such a length."""
        tokens, lengths = self._trees(draws)
        label = results(tokens, lengths, self.max_depth, self.max_arguments)
        return Split({"tokens": unpadded(tokens, lengths), "label": label})

    def _trees(self, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Padded tokens [examples, max_length] and lengths, written from left to right."""
        tokens = np.zeros((len(draws), self.max_length), np.int32)
        lengths = np.zeros(len(draws), np.int64)
        # Of each tree under way:
        row = np.arange(len(draws))
        written = np.zeros_like(row)  # tokens so far
        certain = np.ones_like(row)  # tokens that are sure to follow
        depth = np.zeros_like(row)  # open brackets
        missing = np.ones((len(row), self.max_depth), np.int32)  # arguments, by open bracket
        choices = (4, 10, len(OPERATORS), self.max_arguments - 1)
        for step in range(10_000 + 300 * self.max_length):
            coin, digit, operator, more_arguments = np.unravel_index(
                draws.below(np.prod(choices), TREE, [step])[:, 0], choices
            )
            tree = np.arange(len(row))
            closes = missing[tree, depth] == 0
            # A lone digit that is too short would only be drawn anew.
            nests = (coin == 0) | ((written == 0) & (self.min_length > 1))
            nests &= ~closes & (depth + 1 < self.max_depth)
            tokens[row, written] = np.where(
                closes, CLOSE, np.where(nests, FIRST_OPERATOR + operator, digit)
            )
            missing[tree, depth] -= ~closes
            depth += nests
            depth -= closes
            missing[tree[nests], depth[nests]] = 2 + more_arguments[nests]
            written += 1
            certain += np.where(nests, 2 + more_arguments, -1)

            kept = (certain == 0) & (written >= self.min_length)
            again = ((certain == 0) & ~kept) | (written + certain > self.max_length)
            written[again], certain[again], depth[again], missing[again, 0] = 0, 1, 0, 1
            if kept.any():
                lengths[row[kept]] = written[kept]
                on = ~kept
                draws, row, written, certain = draws[on], row[on], written[on], certain[on]
                depth, missing = depth[on], missing[on]
            if not len(row):
                return tokens, lengths
        raise UserError(
            f"data.probe.min_length={self.min_length} to data.probe.max_length={self.max_length} "
            f"holds next to none of the trees of data.probe.max_depth={self.max_depth} and "
            f"data.probe.max_arguments={self.max_arguments}: widen the range, or allow deeper "
            f"or wider trees."
        )


def results(
    tokens: np.ndarray, lengths: np.ndarray, max_depth: int, max_arguments: int
) -> np.ndarray:
    """The digit that each row of padded tokens stands for, int32 [rows]."""
    depth = np.zeros(len(tokens), np.int64)
    operators = np.zeros((len(tokens), max_depth), np.int64)  # by open bracket
    counts = np.zeros((len(tokens), max_depth), np.int64)
    arguments = np.zeros((len(tokens), max_depth, max_arguments), np.int32)
    for step in range(lengths.max()):
        (row,) = np.nonzero(step < lengths)
        token = tokens[row, step]
        opens = row[(token >= FIRST_OPERATOR) & (token < CLOSE)]
        depth[opens] += 1
        operators[opens, depth[opens]] = tokens[opens, step] - FIRST_OPERATOR
        counts[opens, depth[opens]] = 0

        value = token.copy()
        closes = token == CLOSE
        at = row[closes], depth[row[closes]]
        value[closes] = applied(operators[at], arguments[at], counts[at])
        depth[row[closes]] -= 1

        given = (token < FIRST_OPERATOR) | closes
        at = row[given], depth[row[given]]
        arguments[(*at, counts[at])] = value[given]
        counts[at] += 1
    return arguments[:, 0, 0]


def applied(operators: np.ndarray, arguments: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Each operator [rows] of the first `counts` [rows] of its arguments [rows, max_arguments]."""
    row = np.arange(len(arguments))
    real = np.arange(arguments.shape[1]) < counts[:, None]
    ordered = np.sort(np.where(real, arguments, 10), axis=1)
    median = (ordered[row, (counts - 1) // 2] + ordered[row, counts // 2]) // 2
    total = np.where(real, arguments, 0).sum(axis=1) % 10
    return np.choose(operators, [ordered[:, 0], ordered[row, counts - 1], median, total])
