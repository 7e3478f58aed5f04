"""Models of equal size: what a size word promises."""

import subprocess
import sys
from pathlib import Path

import jax
import pytest

from seqjax import models
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.models.matching import match_parameters, outside
from seqjax.models.presets import PATTERNS, SIZES, sized


@pytest.mark.parametrize("word", [word for word in PATTERNS if word != "bag"])
def test_every_word_has_the_parameters_of_its_size(word):
    config = sized(word, "tiny", pool="mean")
    assert config.embedding_size == SIZES["tiny"].embedding_size
    shapes, _ = models.abstract(config.with_sizes(vocabulary_size=50, outputs=3))
    everything = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    # By hand: the embedding has a row for each word, the head a column and a bias for each label.
    without_tables = everything - 50 * config.embedding_size - 3 * (config.width + 1)
    assert abs(without_tables - 100_000) <= 0.02 * 100_000
    assert len(config.pattern) >= SIZES["tiny"].blocks


def test_the_larger_sizes_are_reached_too():
    for size in ("small", "base"):
        for word in ("lstm", "transformer"):
            target = SIZES[size].parameters
            assert abs(outside(sized(word, size)) - target) <= 0.02 * target


@pytest.mark.parametrize(("number", "like"), [("30_000", "tiny"), ("300000", "tiny")])
def test_a_number_of_parameters_is_a_size_too(number, like):
    for word in ("lstm", "hybrid"):
        config = sized(word, number)
        assert abs(outside(config) - int(number)) <= 0.02 * int(number)
        named = sized(word, like)
        assert (config.pattern, config.embedding_size) == (named.pattern, named.embedding_size)


def test_the_bag_has_nothing_to_match():
    config = sized("bag", "tiny", pool="mean")
    assert config.pattern == ()
    assert match_parameters(config, 12345) is config


def test_the_width_is_the_fine_adjustment_where_there_is_no_other():
    config = match_parameters(ModelConfig(pattern=("lstm",), heads=1), 200_000)
    assert abs(outside(config) - 200_000) <= 4_000
    assert config.embedding_size == ModelConfig().embedding_size


def test_what_cannot_be_reached_is_refused_with_the_nearest():
    config = ModelConfig(pattern=("lstm",), heads=1)
    with pytest.raises(UserError, match=r"100 parameters.*nearest is (\d+) with model.width=(\d+)"):
        match_parameters(config, 100)


@pytest.mark.parametrize(
    ("word", "size", "said"),
    [
        ("lstn", "tiny", "There is no preset 'lstn': did you mean 'lstm'?"),
        (
            "lstm",
            "tinny",
            "size='tinny' is neither a number of parameters nor a size of a preset: did you mean "
            "'tiny'?",
        ),
        (
            "lstm",
            "1e6",
            "size='1e6' is neither a number of parameters nor a size of a preset: there is "
            "tiny, small, base.",
        ),
    ],
)
def test_unknown_words_are_refused_with_the_nearest(word, size, said):
    with pytest.raises(UserError) as error:
        sized(word, size)
    assert str(error.value) == said


def test_sizes_are_matched_without_looking_for_devices():
    code = (
        "import jax._src.xla_bridge as bridge; from seqjax.models.presets import sized; "
        "sized('lstm', 'tiny'); assert not bridge.backends_are_initialized()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
