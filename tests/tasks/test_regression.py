"""One number for a sequence: its errors, against scikit-learn's."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error

from seqjax.data.facts import DataFacts
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.regression import Regression


class Fixed(Regression):
    """Says what the batch holds."""

    def estimate(self, config, params, batch, dropout_key=None):
        return batch["said"]


def make_batch(weight):
    chance = np.random.default_rng(0)
    batch = {name: jnp.asarray(chance.normal(size=50), jnp.float32) for name in ("said", "target")}
    return batch | {"weight": jnp.asarray(weight, jnp.float32)}


@pytest.mark.parametrize("weight", [np.ones(50), np.arange(50) % 3 > 0, np.arange(50) == 7])
def test_metrics_are_those_of_scikit_learn(weight):
    batch = make_batch(weight)
    means = Fixed(make_task("adding").data).means(None, None, batch)
    assert means.keys() == {"loss", "mae"}
    for name, metric in (("loss", mean_squared_error), ("mae", mean_absolute_error)):
        expected = metric(batch["target"], batch["said"], sample_weight=batch["weight"])
        assert float(means[name].total / means[name].count) == pytest.approx(expected, rel=1e-5)
        assert float(means[name].count) == weight.sum()


def test_answers_at_every_step_are_refused():
    facts = DataFacts("", "", (), 0, {"frames": (4,)}, {}, (), frame_size=2, target_size=1)
    with pytest.raises(UserError, match=r"model.pool='none' answers at every step"):
        make_task("adding").complete(ModelConfig(pool="none"), facts)
