import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.forecasting import Forecasting

TASK = make_task("forecast")
MEANS = jax.jit(TASK.means, static_argnums=0)
FACTS = DataFacts(
    "file", "", (), 0, {"series": (6,), "target": (2,)}, {}, (), frame_size=3, target_size=2
)


@pytest.fixture(scope="module")
def model():
    """Returns a small model and its parameters."""
    config = TASK.complete(ModelConfig(pattern=("rnn",), width=4, embedding_size=4), FACTS)
    return config, jax.jit(lambda key: models.init(config, key)[0])(jax.random.key(0))


def make_batch(weight):
    """Three windows of two columns; one of weight 0 is empty, as those that fill a batch are."""
    chance = np.random.default_rng(0)
    shapes = {"series": (3, 6, 2), "target": (3, 2, 2), "location": (3, 2), "scale": (3, 2)}
    batch = {name: np.abs(chance.normal(size=shape)) for name, shape in shapes.items()}
    real = np.asarray(weight, np.float32)
    batch = {name: (array.T * real).T for name, array in batch.items()}
    return {name: jnp.asarray(array, jnp.float32) for name, array in batch.items()} | {
        "weight": jnp.asarray(real)
    }


def test_answers_at_every_step_are_refused():
    with pytest.raises(UserError, match=r"model.pool='none' answers at every step"):
        TASK.complete(ModelConfig(pool="none"), FACTS)


def test_rows_that_only_fill_a_batch_count_nothing(model):
    whole = MEANS(*model, make_batch([1, 1, 1]))
    parts = [MEANS(*model, make_batch(weight)) for weight in ([1, 0, 1], [0, 1, 0])]
    for name, mean in whole.items():
        for part in ("total", "count"):
            added = sum(getattr(found[name], part) for found in parts)
            np.testing.assert_allclose(added, getattr(mean, part), rtol=1e-5)
    gradients = jax.grad(lambda p: TASK.means(model[0], p, make_batch([1, 0, 1]))["loss"].total)(
        model[1]
    )
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


class Fixed(Forecasting):
    """Says what the batch holds."""

    def estimate(self, config, params, batch, dropout_key=None):
        return batch["said"]


def test_metrics_are_those_of_scikit_learn():
    chance = np.random.default_rng(0)
    numbers = jnp.asarray(chance.normal(size=(2, 40, 5, 3)), jnp.float32)
    batch = {"said": numbers[0], "target": numbers[1]}
    real = chance.integers(0, 2, 40)
    batch["weight"] = jnp.asarray(real, jnp.float32)
    said, target = (np.asarray(batch[name])[real == 1] for name in ("said", "target"))
    task = Fixed()
    means, steps = (measure(None, None, batch) for measure in (task.means, task.by_position))
    found = task.derived({name: float(mean.total / mean.count) for name, mean in means.items()})
    assert found == {
        "loss": pytest.approx(mean_squared_error(target.ravel(), said.ravel()), rel=1e-5),
        "mse": pytest.approx(mean_squared_error(target.ravel(), said.ravel()), rel=1e-5),
        "mae": pytest.approx(mean_absolute_error(target.ravel(), said.ravel()), rel=1e-5),
    }
    for name, metric in (("loss", mean_squared_error), ("mae", mean_absolute_error)):
        at_steps = [metric(target[:, step].ravel(), said[:, step].ravel()) for step in range(5)]
        np.testing.assert_allclose(steps[name].total / steps[name].count, at_steps, rtol=1e-5)


def test_every_column_is_forecast_from_its_own_past(model):
    batch = make_batch([1, 1, 1])
    ahead = TASK.predict(*model, batch, TASK.options())
    changed = batch | {"series": batch["series"].at[..., 1].add(1.0)}
    again = TASK.predict(*model, changed, TASK.options())
    np.testing.assert_array_equal(again[..., 0], ahead[..., 0])
    assert np.any(again[..., 1] != ahead[..., 1])


def test_a_normalised_window_is_forecast_alike_at_any_level_and_scale(model):
    batch = make_batch([1, 1, 1])
    moved = {name: 3 * batch[name] + 5 for name in ("series", "location")}
    moved = batch | moved | {"scale": 3 * batch["scale"]}
    ahead = TASK.predict(*model, batch, TASK.options())
    found = TASK.predict(*model, moved, TASK.options())
    np.testing.assert_allclose(found, 3 * ahead + 5, rtol=1e-4, atol=1e-4)
