"""`init`, `abstract` and the names of axes, for every mixer and around it."""

from collections import Counter
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params
from jax.sharding import AxisType, PartitionSpec

from seqjax import models
from seqjax.models import ModelConfig
from seqjax.models.mixers import MIXERS

TOKENS = jnp.zeros((8, 4), jnp.int32)
FULL = ModelConfig(
    vocabulary_size=9,
    outputs=2,
    embedding_size=8,
    embedding_scale="article",
    positions="learned",
    width=16,
    norm="pre",
    final_norm=True,
    residual=True,
    feed_forward="two_layer",
    pool="none",
)


def with_mixer(mixer: str, repeats: int = 1) -> ModelConfig:
    window = 4 if mixer == "local_attention" else 0
    return replace(FULL, pattern=(mixer,) * repeats, window=window)


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_parameter_has_a_name_for_every_axis(mixer):
    params, axes = models.abstract(with_mixer(mixer, 2))
    assert jax.tree.structure(params) == jax.tree.structure(
        axes, is_leaf=lambda names: isinstance(names, tuple)
    )

    def check(path, leaf, names):
        assert len(names) == leaf.ndim, path
        assert all(isinstance(name, str) for name in names), path
        assert leaf.dtype == jnp.float32, path
        assert (names[0] == "layers") == ("segment_0" in jax.tree_util.keystr(path)), path

    jax.tree_util.tree_map_with_path(check, params, axes)


def test_init_is_a_function_of_the_key_and_abstract_tells_its_shapes():
    config = with_mixer("gru", 2)
    init = jax.jit(lambda key: models.init(config, key)[0])
    params, again, other = (init(jax.random.key(seed)) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, params, again)
    kernel = params["segment_0"]["block_0"]["gru"]["input_kernel"]
    assert not np.allclose(kernel, other["segment_0"]["block_0"]["gru"]["input_kernel"])
    assert not np.allclose(kernel[0], kernel[1])
    shapes, _ = models.abstract(config)
    jax.tree.map(lambda a, b: np.testing.assert_equal(a.shape, b.shape), params, shapes)


def constraints(jaxpr) -> list:
    """The shardings that a jaxpr asks for, at any depth."""
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name == "sharding_constraint":
            found.append(equation.params["sharding"])
        for inner in jaxprs_in_params(equation.params):
            found += constraints(inner)
    return found


def test_activations_are_laid_out_under_rules_and_a_mesh():
    """Flax's constraint does nothing, and says nothing, where no rules are entered."""
    config = replace(with_mixer("attention", 2), feed_forward="two_layer")
    params, _ = models.abstract(config)
    mesh = jax.make_mesh((4, 2), ("data", "tensor"), axis_types=(AxisType.Auto,) * 2)
    names = {"batch": "data", "vocabulary": "tensor", "heads": "tensor", "feed_forward": "tensor"}

    def program():
        traced = jax.make_jaxpr(lambda params: models.apply(config, params, TOKENS)[0])(params)
        return constraints(traced.jaxpr)

    with jax.set_mesh(mesh):
        assert program() == []
        with models.logical_rules([(name, (axis,)) for name, axis in names.items()]):
            found = program()
    assert Counter(sharding.spec for sharding in found) == {
        PartitionSpec("tensor", None): 1,  # the table, before tokens are looked up
        PartitionSpec(None, None): 1,  # the positions, likewise
        PartitionSpec("data", None, None): 2,  # after the frontend and after a block
        PartitionSpec("data", None, "tensor", None): 4,  # queries, keys, values, what heads give
        PartitionSpec("data", None, "tensor"): 1,  # within the feed-forward
    }
