"""What the tables of the probes are made of."""

import numpy as np

from experiments.long_range import guesses, state_size
from experiments.long_range.run import models
from seqjax.data.arrays import Ragged, Split
from seqjax.data.probes import NOT_ASKED


def test_bytes_of_a_carry_are_those_counted_by_hand():
    for mixer, kept in (("lstm", 1), ("attention", 64)):  # the training length is 64
        config = state_size.cell(mixer, state_size.USUAL).resolve()
        model = config.model
        # Two vectors of float32 a block: h and c, or a key and a value for every step.
        vectors = 4 * 2 * len(model.pattern) * model.width * kept
        # Beside them: the steps seen so far, and which of the kept ones are real.
        assert 0 < state_size.carry_bytes(config) - vectors <= 0.02 * vectors


def test_guessing_is_one_answer_everywhere():
    def split(**columns):
        ragged = {name: Ragged.from_rows(rows, np.int32) for name, rows in columns.items()}
        return Split(ragged)

    train = split(targets=[[NOT_ASKED, 2, 1], [2, 2]])
    assert guesses.of_split(train, split(targets=[[2, NOT_ASKED], [1], [1]])) == 1 / 3
    labels = [Split({"label": np.array(each)}) for each in ([0, 0, 5], [5, 5, 0, 5])]
    assert guesses.of_split(*labels) == 1 / 4
    numbers = [Split({"target": np.array(each)}) for each in ([1.0, 3.0], [2.0, 4.0])]
    assert guesses.of_split(*numbers) == 2
    assert guesses.of_probe("parity") == guesses.guesses()["parity"]


def test_the_middle_size_is_the_one_that_is_tuned():
    for mixer in state_size.MIXERS:
        tuned = models()[state_size.PROBE, mixer].cell
        assert state_size.cell(mixer, state_size.USUAL) == tuned
        others = {state_size.cell(mixer, size).identity for size in state_size.SIZES}
        assert len(others) == len(state_size.SIZES) and tuned.identity in others
