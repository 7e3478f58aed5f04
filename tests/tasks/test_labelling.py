import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.inputs import logits_of

TASK = make_task("parity")
MEANS = jax.jit(TASK.means, static_argnums=0)
FACTS = DataFacts("generated", "", ("even", "odd", "third"), 5, {"tokens": (6,)}, {}, ())


@pytest.fixture(scope="module")
def model():
    return TASK.complete(ModelConfig(pattern=("gru",), width=8, pool="none"), FACTS)


@pytest.fixture(scope="module")
def params(model):
    return jax.jit(lambda key: models.init(model, key)[0])(jax.random.key(0))


@pytest.fixture(scope="module")
def batch():
    chance = np.random.default_rng(0)
    return {
        "tokens": jnp.asarray(chance.integers(0, 5, (4, 6)), jnp.int32),
        "tokens_length": jnp.array([6, 4, 3, 6]),
        "targets": jnp.asarray(chance.integers(-1, 3, (4, 6)), jnp.int32),
        "targets_length": jnp.array([6, 4, 3, 6]),
        "weight": jnp.array([1.0, 1.0, 1.0, 0.0]),
    }


def asked_steps(batch):
    """Where a label is asked for, of rows that count."""
    for row in range(3):
        for step in range(int(batch["targets_length"][row])):
            if batch["targets"][row, step] >= 0:
                yield row, step


def mean(of):
    return float(of.total / of.count)


def test_means_are_those_of_the_steps_that_are_asked(model, params, batch):
    found = MEANS(model, params, batch)
    logits = np.asarray(logits_of(model, params, batch), np.float64)
    places = list(asked_steps(batch))
    right = [int(batch["targets"][place]) for place in places]
    shares = np.exp([logits[place] for place in places])
    shares /= shares.sum(axis=1, keepdims=True)
    said = shares.argmax(axis=1)
    assert mean(found["loss"]) == pytest.approx(
        sklearn.metrics.log_loss(right, shares, labels=[0, 1, 2]), rel=1e-5
    )
    assert mean(found["accuracy"]) == pytest.approx(sklearn.metrics.accuracy_score(right, said))
    solved = [
        all(s == r for (row, _), s, r in zip(places, said, right, strict=True) if row == wanted)
        for wanted in range(3)
    ]
    assert mean(found["solved"]) == pytest.approx(np.mean(solved))
    np.testing.assert_array_equal(
        TASK.confusion(model, params, batch),
        sklearn.metrics.confusion_matrix(right, said, labels=[0, 1, 2]),
    )


def test_positions_add_up_to_the_means(model, params, batch):
    means, positions = MEANS(model, params, batch), TASK.by_position(model, params, batch)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(positions[name].total.sum(), means[name].total, rtol=1e-5)
        np.testing.assert_allclose(positions[name].count.sum(), means[name].count)


def test_what_is_not_asked_changes_nothing(model, params, batch):
    other = jnp.where(batch["targets"] < 0, -1, batch["targets"]).at[3].set(0).at[2, 3:].set(1)
    changed = batch | {"targets": other}
    for one, two in zip(
        jax.tree.leaves(MEANS(model, params, batch)),
        jax.tree.leaves(MEANS(model, params, changed)),
        strict=True,
    ):
        assert one == two


def test_a_model_that_pools_is_refused():
    with pytest.raises(UserError, match=r"model.pool='last'.*'none'"):
        TASK.complete(ModelConfig(pool="last"), FACTS)


def test_numbers_are_asked_of_the_whole_sequence():
    with pytest.raises(UserError, match=r"model.pool='none'.*'last' or 'mean'"):
        make_task("adding").complete(ModelConfig(pool="none"), FACTS)
