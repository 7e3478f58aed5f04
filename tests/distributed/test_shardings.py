import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import PartitionSpec

from seqjax.distributed.config import DEFAULT_RULES, MeshConfig
from seqjax.distributed.mesh import make_mesh
from seqjax.distributed.shardings import batch_sharding, parameter_shardings, place_batch
from seqjax.errors import UserError

NAMES = ("embed", "heads", "feed_forward", "vocabulary", "layers", "recurrent", None)
CONFIG = MeshConfig(data=2, fsdp=2, tensor=2)


@pytest.fixture(scope="module")
def mesh():
    return make_mesh(CONFIG, jax.devices())


def shard(mesh, shape, names, config=CONFIG):
    array = jax.ShapeDtypeStruct(shape, np.float32)
    return parameter_shardings(mesh, config, {"a": {"b": array}}, {"a": {"b": names}})["a"]["b"]


@given(axes=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 3)), max_size=4))
def test_every_axis_is_spread_as_its_rule_says_and_no_device_axis_is_used_twice(mesh, axes):
    names = tuple(name for name, _ in axes)
    shape = tuple(4 * size for _, size in axes)
    rules = [dict(DEFAULT_RULES).get(name, ()) for name in names]
    used = [axis for rule in rules for axis in rule]
    if len(used) > len(set(used)):
        with pytest.raises(UserError, match=r"mesh\.rules lays both .* of a/b out along"):
            shard(mesh, shape, names)
    else:
        places = [
            (place,) if isinstance(place, str) else place or ()
            for place in shard(mesh, shape, names).spec
        ]
        assert places == rules


def test_a_size_that_the_mesh_does_not_divide_names_the_parameter(mesh):
    with pytest.raises(
        UserError, match=r"a/b has 7 entries along 'vocabulary', 3.5 for each of 2 "
    ):
        shard(mesh, (7, 4), ("vocabulary", "embed"))


def test_a_batch_is_spread_over_data_and_fsdp(mesh):
    sharding = batch_sharding(mesh, CONFIG)
    assert sharding.spec == PartitionSpec(("data", "fsdp"))
    rows = np.arange(24).reshape(8, 3)
    step = jax.jit(lambda batch: batch["tokens"], in_shardings=sharding, out_shardings=sharding)
    placed = step(place_batch(sharding, {"tokens": rows}, 8))
    np.testing.assert_array_equal(placed, rows)
    assert {shard.data.shape for shard in placed.addressable_shards} == {(2, 3)}
