"""What every probe promises, whatever it asks."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from seqjax.data.arrays import Ragged, Split
from seqjax.data.loader import Batches
from seqjax.data.probes import NOT_ASKED, PROBES, generate
from seqjax.data.probes.draws import Draws
from seqjax.errors import UserError

SMALL = {
    "copy": {"delay": 5},
    "selective_copy": {"length": 30},
    "adding": {"length": 9},
    "mqar": {"length": 20, "pairs": 4, "vocabulary_size": 50},
    "induction": {"length": 12},
    "parity": {"min_length": 1, "max_length": 12},
    "permutations": {"group": "S5", "min_length": 2, "max_length": 9},
    "bracket_arithmetic": {"min_length": 1, "max_length": 30},
    "listops": {"min_length": 4, "max_length": 30},
}
VARIANTS = [
    *SMALL.items(),
    ("parity", {"min_length": 3, "max_length": 6, "per_step": True}),
    ("permutations", {"group": "A5", "min_length": 3, "max_length": 3}),
    ("listops", {"min_length": 1, "max_length": 20, "max_depth": 3, "max_arguments": 9}),
]

# SHA-256 of the columns of 50 rows of train and of test for seed 7. A change here is a change of
# everybody's data: results before and after it are of different examples.
HASHES = {
    "copy": "3d0563fcae3ac32f",
    "selective_copy": "4db4dbfee1b3afc0",
    "adding": "806cbdbab15b325a",
    "mqar": "4febdf17caa19319",
    "induction": "ec168d09c77cc739",
    "parity": "5c8451ae3a07f13c",
    "permutations": "893e3ffd09e7d98c",
    "bracket_arithmetic": "46f23ca5fe8b1e1e",
    "listops": "6b572a460b03c93f",
}


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant[0])
def probe(request):
    name, parameters = request.param
    return PROBES[name](**parameters)


def contents(split: Split) -> dict[str, list]:
    """Each column as a list of its rows."""
    return {
        name: [column[row].tolist() for row in range(len(split))]
        for name, column in split.columns.items()
    }


def digest(splits: list[Split]) -> str:
    """A hash of all values, with their types and the ends of rows."""
    total = hashlib.sha256()
    for split in splits:
        for name, column in sorted(split.columns.items()):
            arrays = [column.values, column.offsets] if isinstance(column, Ragged) else [column]
            for array in arrays:
                total.update(f"{name} {array.dtype} {array.shape} ".encode())
                total.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()[:16]


@pytest.mark.parametrize("name", PROBES)
def test_the_same_examples_on_any_machine(name):
    probe = PROBES[name](**SMALL[name])
    assert digest([generate(probe, 7, split, 50) for split in ("train", "test")]) == HASHES[name]


@settings(deadline=None, max_examples=20)
@given(data=st.data())
@pytest.mark.parametrize("name", PROBES)
def test_an_example_does_not_depend_on_the_others(name, data):
    probe = PROBES[name](**SMALL[name])
    numbers = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=8))
    together = contents(probe.examples(Draws.of(3, np.arange(41))))
    chosen = contents(probe.examples(Draws.of(3, np.array(numbers))))
    assert chosen == {
        column: [rows[number] for number in numbers] for column, rows in together.items()
    }


def test_columns_say_what_goes_in_and_what_is_asked(probe):
    split = generate(probe, 0, "train", 400)
    asked = set(split.columns) - {"tokens", "frames"}
    assert len(asked) == 1 and len(split.columns) == 2 and len(split) == 400
    if "frames" in split.columns:
        inputs = split.columns["frames"]
        assert inputs.values.dtype == split.columns["target"].dtype == np.float32
        assert probe.vocabulary == probe.labels == ()
    else:
        inputs, answers = split.columns["tokens"], split.columns[asked.pop()]
        if isinstance(answers, Ragged):
            np.testing.assert_array_equal(answers.offsets, inputs.offsets)
            answers = answers.values
        assert inputs.values.dtype == answers.dtype == np.int32
        assert set(inputs.values) <= set(range(len(probe.vocabulary)))
        assert set(answers) - {NOT_ASKED} <= set(range(len(probe.labels)))
        assert len(set(probe.vocabulary)) == len(probe.vocabulary)
    assert inputs.lengths.max() == probe.longest
    assert inputs.lengths.min() >= 1


def test_rows_become_batches(probe):
    split = generate(probe, 0, "valid", 6)
    boundaries = {
        name: (probe.longest,)
        for name, column in split.columns.items()
        if isinstance(column, Ragged)
    }
    batches = Batches(split, batch_size=4, boundaries=boundaries, seed=0)
    both = [batches.batch(step) for step in range(batches.steps_per_epoch)]
    assert sum(batch["weight"].sum() for batch in both) == 6
    for name in boundaries:
        assert all(batch[name].shape[:2] == (4, probe.longest) for batch in both)


@pytest.mark.parametrize("name", ["parity", "permutations", "bracket_arithmetic"])
def test_every_length_in_the_range_is_equally_likely(name):
    probe = PROBES[name](**SMALL[name])
    lengths = generate(probe, 0, "train", 8_000).columns["tokens"].lengths
    rows = np.bincount(lengths)[probe.min_length :]
    assert len(rows) == probe.max_length - probe.min_length + 1
    assert chisquare(rows).pvalue > 1e-3


@pytest.mark.parametrize(
    "name, wrong, message",
    [
        ("copy", {"delay": 0}, "data.probe.delay=0 must be at least 1."),
        ("copy", {"symbols": 1}, "data.probe.symbols=1 must be at least 2."),
        ("copy", {"memorized": 0}, "data.probe.memorized=0 must be at least 1."),
        ("selective_copy", {"length": 15}, "data.probe.length=15 must be at least 16."),
        ("selective_copy", {"symbols": 0}, "data.probe.symbols=0 must be at least 2."),
        ("selective_copy", {"memorized": 0}, "data.probe.memorized=0 must be at least 1."),
        ("adding", {"length": 1}, "data.probe.length=1 must be at least 2."),
        ("mqar", {"pairs": 0}, "data.probe.pairs=0 must be at least 1."),
        (
            "mqar",
            {"length": 14},
            "data.probe.length=14 must be even and at least 4 × data.probe.pairs=16, two steps for "
            "each pair and two for each query.",
        ),
        (
            "mqar",
            {"length": 17},
            "data.probe.length=17 must be even and at least 4 × data.probe.pairs=16, two steps for "
            "each pair and two for each query.",
        ),
        ("mqar", {"vocabulary_size": 9}, "data.probe.vocabulary_size=9 must be at least 10."),
        (
            "mqar",
            {"gap_power": 0.0},
            "data.probe.gap_power=0.0 must be above 0 and at most 1 (all gaps alike).",
        ),
        ("induction", {"length": 2}, "data.probe.length=2 must be at least 3."),
        ("induction", {"vocabulary_size": 2}, "data.probe.vocabulary_size=2 must be at least 3."),
        ("parity", {"min_length": 0}, "data.probe.min_length=0 must be at least 1."),
        (
            "parity",
            {"max_length": 0},
            "data.probe.max_length=0 must be at least data.probe.min_length=1.",
        ),
        ("permutations", {"group": "S4"}, "data.probe.group='S4' is unknown; did you mean 'S5'?"),
        ("permutations", {"min_length": 0}, "data.probe.min_length=0 must be at least 1."),
        ("bracket_arithmetic", {"modulus": 1}, "data.probe.modulus=1 must be at least 2."),
        ("bracket_arithmetic", {"min_length": 0}, "data.probe.min_length=0 must be at least 1."),
        ("listops", {"max_depth": 1}, "data.probe.max_depth=1 must be at least 2."),
        ("listops", {"max_arguments": 1}, "data.probe.max_arguments=1 must be at least 2."),
        ("listops", {"min_length": 0}, "data.probe.min_length=0 must be at least 1."),
    ],
)
def test_impossible_parameters_are_refused_in_one_sentence(name, wrong, message):
    with pytest.raises(UserError) as error:
        PROBES[name](**SMALL[name] | wrong)
    assert str(error.value) == message
