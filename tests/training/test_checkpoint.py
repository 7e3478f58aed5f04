import shutil

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from seqjax.distributed.config import MeshConfig
from seqjax.distributed.mesh import make_mesh
from seqjax.distributed.preemption import Preempted
from seqjax.errors import UserError
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.progress import Progress
from seqjax.training.state import TrainState


def make_state(step, sharding=None, columns=4):
    chance = np.random.default_rng(step)
    params = {"a": {"kernel": jnp.asarray(chance.normal(size=(8, columns)), jnp.float32)}}
    state = TrainState(jnp.asarray(step, jnp.int32), params, (jax.tree.map(jnp.square, params),))
    return jax.device_put(state, sharding)


def abstract(mesh_config=None, spec=None, devices=1):
    mesh = make_mesh(mesh_config or MeshConfig(), jax.devices()[:devices])
    split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (spec or (), ()))
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=split if leaf.ndim else whole
        ),
        make_state(0),
    )


def save(folder, steps, **progress):
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(make_state(step), Progress(step=step, **progress))
    checkpoints.close()


def assert_is(state, step):
    jax.tree.map(np.testing.assert_array_equal, state, make_state(step))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    save(folder, [3, 5, 8], window={"loss": [0.1 + 0.2, 3.0]}, best_step=3, best_value=0.7)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def test_state_and_progress_come_back_to_the_bit(saved):
    state, progress, passed_over = Checkpoints(saved, write=False).restore_newest(abstract())
    assert_is(state, 8)
    assert progress == Progress(
        step=8, window={"loss": [0.1 + 0.2, 3.0]}, best_step=3, best_value=0.7
    )
    assert passed_over == []


def test_the_newest_two_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    progress = Progress()
    for progress.step, progress.best_step in ((1, 1), (2, 2), (3, 2), (4, 2), (5, 2), (6, 6)):
        checkpoints.save(make_state(progress.step), progress)
        checkpoints.wait()
    assert checkpoints.steps() == [5, 6]
    progress.step = 7
    checkpoints.save(make_state(7), progress)
    progress.step = 8
    checkpoints.save(make_state(8), progress)
    checkpoints.close()
    assert Checkpoints(tmp_path).steps() == [6, 7, 8]


@pytest.mark.parametrize(
    ("config", "spec"),
    [
        (MeshConfig(), (("data", "fsdp"),)),
        (MeshConfig(data=2, fsdp=2, tensor=2), ("fsdp", "tensor")),
    ],
    ids=["eight rows", "four by two"],
)
def test_a_checkpoint_is_restored_on_another_mesh(saved, config, spec):
    laid_out = abstract(config, spec, devices=8)
    state, _, _ = Checkpoints(saved, write=False).restore_newest(laid_out)
    assert_is(state, 8)
    shardings = jax.tree.map(lambda array, shape: array.sharding == shape.sharding, state, laid_out)
    assert all(jax.tree.leaves(shardings))


@pytest.mark.parametrize("devices", [1, 8])
def test_a_state_may_be_consumed_while_it_is_written(tmp_path, devices):
    shape = abstract(MeshConfig(), ("data",), devices)
    state = jax.device_put(make_state(1), jax.tree.map(lambda leaf: leaf.sharding, shape))
    consume = jax.jit(
        lambda state: jax.tree.map(lambda leaf: 0 * leaf - 1, state), donate_argnums=0
    )
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state, Progress(step=1))
    for _ in range(20):
        state = consume(state)
    checkpoints.wait()
    restored, _, _ = checkpoints.restore_newest(shape)
    assert_is(restored, 1)


def changed(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def test_whatever_happens_to_a_file_either_does_not_matter_or_is_noticed(copy):
    noticed = set()
    for path in sorted(path for path in (copy / "8").rglob("*") if path.is_file()):
        content = path.read_bytes()
        for damage, left in (
            ("removed", None),
            ("emptied", b""),
            ("cut off", content[: len(content) // 2]),
            ("changed", changed(content) if content else b"?"),
        ):
            path.unlink() if left is None else path.write_bytes(left)
            checkpoints = Checkpoints(copy, write=False)
            state, progress, passed_over = checkpoints.restore_newest(abstract())
            assert_is(state, progress.step)
            if progress.step == 5:
                assert len(passed_over) == 1
                assert passed_over[0].startswith("The checkpoint of step 8 cannot be read (")
                noticed.add((path.relative_to(copy / "8").parts[0], damage))
            else:
                assert (progress.step, passed_over) == (8, [])
            path.write_bytes(content)
    for item in ("params", "optimizer", "progress", "checksums"):
        assert {damage for name, damage in noticed if name == item} >= {"removed", "cut off"}
    assert {("params", "changed"), ("optimizer", "changed")} <= noticed


def test_a_changed_bit_of_a_large_array_is_noticed(tmp_path):
    state = make_state(2, columns=600)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(make_state(1, columns=600), Progress(step=1))
    checkpoints.save(state, Progress(step=2))
    checkpoints.close()
    largest = max(
        (path for path in (tmp_path / "2" / "params").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    assert largest.stat().st_size > 10_000  # the numbers themselves
    largest.write_bytes(changed(largest.read_bytes()))
    like = jax.tree.map(ocp.utils.to_shape_dtype_struct, state)
    _, progress, passed_over = Checkpoints(tmp_path, write=False).restore_newest(like)
    assert progress.step == 1
    assert "its params are not those that were saved" in passed_over[0]


@pytest.fixture
def damaged(copy):
    """The folder, with a newest checkpoint that lacks its parameters."""
    shutil.rmtree(copy / "8" / "params")
    return copy


def test_only_what_was_passed_over_is_deleted_and_only_on_demand(damaged):
    checkpoints = Checkpoints(damaged)
    _, progress, _ = checkpoints.restore_newest(abstract())
    assert checkpoints.steps() == [3, 5, 8]
    checkpoints.delete_after(progress.step)
    assert checkpoints.steps() == [3, 5]
    checkpoints.save(make_state(8), Progress(step=8, best_step=3))
    checkpoints.close()
    state, _, passed_over = Checkpoints(damaged).restore_newest(abstract())
    assert_is(state, 8)
    assert passed_over == []


def test_no_checkpoint_that_can_be_read_is_one_sentence(damaged):
    for step in (3, 5):
        shutil.rmtree(damaged / str(step) / "checksums")
    checkpoints = Checkpoints(damaged)
    for restore, what in (
        (checkpoints.restore_newest, abstract()),
        (checkpoints.restore_best, abstract().params),
    ):
        with pytest.raises(UserError, match=r"None of the checkpoints in .*another workdir\.$"):
            restore(what)
    assert checkpoints.steps() == [3, 5, 8]


def test_the_best_parameters(copy):
    checkpoints = Checkpoints(copy, write=False)
    params, step, passed_over = checkpoints.restore_best(abstract().params)
    jax.tree.map(np.testing.assert_array_equal, params, make_state(3).params)
    assert (step, passed_over) == (3, [])


def test_the_newest_parameters_stand_in_for_the_best(copy):
    shutil.rmtree(copy / "3" / "params")
    checkpoints = Checkpoints(copy, write=False)
    params, step, passed_over = checkpoints.restore_best(abstract().params)
    jax.tree.map(np.testing.assert_array_equal, params, make_state(8).params)
    assert step == 8
    assert "step 3 cannot be read" in passed_over[0]


def test_a_folder_without_checkpoints(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.restore_newest(abstract()) is None
    with pytest.raises(UserError, match="no checkpoint yet"):
        checkpoints.restore_best(abstract().params)


def test_a_reader_leaves_what_a_training_is_writing(copy):
    unfinished = copy / "9.orbax-checkpoint-tmp"
    unfinished.mkdir()
    reader = Checkpoints(copy, write=False)
    reader.restore_best(abstract().params)
    reader.close()
    assert unfinished.is_dir()
    Checkpoints(copy).close()
    assert not unfinished.exists()


def test_a_step_that_is_saved_again_changes_its_progress_alone(copy):
    def files():
        return {
            path.relative_to(copy): path.stat().st_ino
            for path in (copy / "8").rglob("*")
            if path.is_file() and path.parent.name != "progress"
        }

    before = files()
    save(copy, [8], best_step=8, best_value=0.5)
    assert files() == before
    state, progress, passed_over = Checkpoints(copy).restore_newest(abstract())
    assert_is(state, 8)
    assert (progress.best_step, progress.best_value, passed_over) == (8, 0.5, [])


def test_what_another_host_cannot_read_is_passed_over_here_as_well(copy, monkeypatch):
    checkpoints = Checkpoints(copy)
    restore = checkpoints._restore_tree

    def fail(step, *others):
        if step == 8:
            raise UserError("Host 1 of 2: the file is damaged")
        return restore(step, *others)

    monkeypatch.setattr(checkpoints, "_restore_tree", fail)
    _, progress, passed_over = checkpoints.restore_newest(abstract())
    assert progress.step == 5
    assert "Host 1 of 2" in passed_over[0]


@pytest.mark.parametrize("error", [Preempted("told to end"), MemoryError(), PermissionError()])
def test_what_is_not_the_fault_of_a_checkpoint_passes_over_none(copy, monkeypatch, error):
    def fail(*_):
        raise error

    checkpoints = Checkpoints(copy)
    monkeypatch.setattr(checkpoints, "_restore_tree", fail)
    with pytest.raises(type(error)):
        checkpoints.restore_newest(abstract())
    assert checkpoints.steps() == [3, 5, 8]
