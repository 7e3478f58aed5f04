"""What the tables of the probes are made of."""

from experiments.long_range import state_size
from experiments.long_range.run import models


def test_bytes_of_a_carry_are_those_counted_by_hand():
    for mixer, kept in (("lstm", 1), ("attention", 64)):  # the training length is 64
        config = state_size.cell(mixer, state_size.USUAL).resolve()
        model = config.model
        # Two vectors of float32 a block: h and c, or a key and a value for every step.
        vectors = 4 * 2 * len(model.pattern) * model.width * kept
        # Beside them: the steps seen so far, and which of the kept ones are real.
        assert 0 < state_size.carry_bytes(config) - vectors <= 0.02 * vectors


def test_the_middle_size_is_the_one_that_is_tuned():
    for mixer in state_size.MIXERS:
        tuned = models()[state_size.PROBE, mixer].cell
        assert state_size.cell(mixer, state_size.USUAL) == tuned
        others = {state_size.cell(mixer, size).identity for size in state_size.SIZES}
        assert len(others) == len(state_size.SIZES) and tuned.identity in others
