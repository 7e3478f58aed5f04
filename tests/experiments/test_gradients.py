"""Norms of `∂h_T/∂h_t`, against the product of Jacobians that an RNN's is."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments.certificates.cases import CELLS
from experiments.gradients import lyapunov
from experiments.gradients.norms import norms_by_distance
from experiments.gradients.recall import Setting
from experiments.gradients.run import decay_per_step
from experiments.gradients.trained import recurrence_of
from seqjax import models
from seqjax.ops.recurrence import recurrence

SETTING = Setting("rnn", length=6)


def test_norms_of_an_rnn_are_those_of_the_product_of_its_jacobians():
    config, params = SETTING.model(), SETTING.params(0)
    tokens, _ = SETTING.examples(jax.random.key(0), 1)
    states = models.apply(replace(config, outputs=0, pool="none"), _without_head(params), tokens)[0]
    rnn = params["segment_0"]["block_0"]["rnn"]
    into, again = (np.asarray(rnn[f"{name}_kernel"]).T for name in ("input", "recurrent"))
    jacobian, expected = np.eye(config.width), []
    for h in np.asarray(states, np.float64)[0, ::-1]:
        jacobian = jacobian @ np.diag(1 - h**2)
        expected.append(np.linalg.norm(jacobian @ into) / np.sqrt(config.width))
        jacobian = jacobian @ again
    assert norms_by_distance(config, params, tokens) == pytest.approx(expected, rel=1e-4)


def test_decay_is_the_factor_of_a_geometric_sequence():
    assert decay_per_step([7.0, *(0.9**n for n in range(40))]) == pytest.approx(0.9)


def _without_head(params):
    return {name: part for name, part in params.items() if name != "head"}


def test_an_exponent_that_decides_everything_is_seen_to():
    certified = [{"exponent": -n, "iterations": 10 - n, "certified": True} for n in range(1, 6)]
    others = [{"exponent": 0.1 * n, "iterations": 33, "certified": False} for n in range(1, 6)]
    assert lyapunov.prediction(certified + others) == pytest.approx((1.0, 1.0))
    turned = [row | {"exponent": -row["exponent"]} for row in certified + others]
    assert lyapunov.prediction(turned) == pytest.approx((-1.0, 0.0))


def test_nothing_is_told_by_exponents_where_all_cases_are_alike():
    certified = [{"exponent": -1.0, "iterations": 5, "certified": True}] * 3
    assert np.isnan(lyapunov.prediction(certified)).all()


@pytest.mark.parametrize("mixer", CELLS)
def test_a_recurrence_taken_out_of_a_model_gives_what_the_model_gives(mixer):
    setting = Setting(mixer, length=6)
    keys = iter(jax.random.split(jax.random.key(1), 99))
    params = jax.tree.map(
        lambda leaf: leaf + 0.3 * jax.random.normal(next(keys), leaf.shape), setting.params(0)
    )
    tokens, _ = setting.examples(jax.random.key(0), 3)
    config = replace(setting.model(), outputs=0, pool="none")
    expected, _ = models.apply(config, _without_head(params), tokens)
    inputs, weight, bias, state, peepholes = recurrence_of(setting, params, tokens)
    found, _ = recurrence(CELLS[mixer], inputs, weight, bias, state, peepholes=peepholes)
    np.testing.assert_allclose(found.swapaxes(0, 1), expected, rtol=1e-5, atol=1e-6)
