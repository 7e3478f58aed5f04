"""How many steps a model is given: what `mesh.sequence` deals out, and `auto` is chosen for."""

import pytest
from jax.sharding import AbstractMesh

from seqjax.data.facts import DataFacts
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.shardings import check_lengths
from seqjax.errors import UserError
from seqjax.tasks import make_task

CASES = {
    "classification": ({"tokens": (16, 32)}, {"tokens": (16, 32)}, 32),
    "language_model": ({"tokens": (257,), "characters": (257,)}, {"tokens": (256,)}, 256),
    "translation": (
        {"source": (8, 16), "target": (9, 17)},
        {"source": (8, 16), "target": (8, 16)},
        16,
    ),
    "forecast": ({"series": (336,), "target": (96,)}, {"series": (21,)}, 21),
}


def facts(boundaries):
    return DataFacts("files", "abc", (), 5, boundaries, {}, (), frame_size=16)


@pytest.mark.parametrize("name", CASES)
def test_the_steps_that_a_model_is_given(name):
    boundaries, lengths, longest = CASES[name]
    task = make_task(name)
    assert task.lengths(facts(boundaries)) == lengths
    assert task.steps(facts(boundaries)) == longest


def test_a_language_model_may_be_spread_over_time():
    mesh = AbstractMesh((1, 1, 1, 2), ("data", "fsdp", "tensor", "sequence"))
    given = make_task("language_model").lengths(facts({"tokens": (257,)}))
    check_lengths(mesh, MeshConfig(), given)
    with pytest.raises(UserError, match=r"mesh.sequence=2 cannot deal out the 255 steps .* tokens"):
        check_lengths(mesh, MeshConfig(), {"tokens": (255,)})
