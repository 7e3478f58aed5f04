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
    sharding = shard(mesh, tuple(4 * size for _, size in axes), names)
    used = []
    for name, place in zip(names, sharding.spec, strict=True):
        rule = dict(DEFAULT_RULES).get(name, ())
        place = (place,) if isinstance(place, str) else place
        assert (place or ()) == tuple(axis for axis in rule if axis not in used)
        used.extend(place or ())
    assert len(used) == len(set(used))


def test_a_size_that_the_mesh_does_not_divide_names_the_parameter(mesh):
    with pytest.raises(UserError, match=r"a/b has 7 entries along 'vocabulary'.*mesh tensor=2"):
        shard(mesh, (7, 4), ("vocabulary", "embed"))


def test_a_batch_is_spread_over_data_and_fsdp(mesh):
    sharding = batch_sharding(mesh, CONFIG)
    assert sharding.spec == PartitionSpec(("data", "fsdp"))
    rows = np.arange(24).reshape(8, 3)
    placed = place_batch(sharding, {"tokens": rows}, 8)["tokens"]
    np.testing.assert_array_equal(placed, rows)
    assert {shard.data.shape for shard in placed.addressable_shards} == {(2, 3)}
