"""What training adds to the gated recurrences: first values of their biases, and dropout."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.errors import UserError
from seqjax.models.config import ModelConfig
from seqjax.models.mixers import make_mixer

HIDDEN = 16


@functools.cache
def made(kind, **settings):
    mixer = make_mixer(kind, ModelConfig(pattern=(kind,), width=HIDDEN, **settings))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 7, 3)), jnp.float32)
    return mixer, jax.jit(mixer.init)(jax.random.key(0), x), x


def bias_of(params):
    return np.asarray(params["params"]["bias"].value).reshape(-1, HIDDEN)


def test_each_recurrent_matrix_starts_orthogonal():
    _, params, _ = made("lstm")
    for matrix in np.split(params["params"]["recurrent_kernel"].value, 4, axis=1):
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(HIDDEN), atol=1e-5)


def test_biases_start_at_zero_but_for_forget_gates():
    for kind, forget in (("lstm", 1), ("gru", None), ("paragru", None), ("paralstm", 0)):
        expected = np.zeros_like(bias_of(made(kind)[1]))
        if forget is not None:
            expected[forget] = 1
        np.testing.assert_array_equal(bias_of(made(kind)[1]), expected)


@pytest.mark.parametrize(
    ("kind", "keep", "write"),
    [("lstm", 1, 0), ("gru", 1, None), ("paragru", 1, None), ("paralstm", 0, None)],
)
def test_chrono_biases_forget_over_up_to_the_given_length(kind, keep, write):
    bias = bias_of(made(kind, chrono_length=100)[1])
    # A gate σ(b) that stays open this far forgets over 1 / (1 - σ(b)) = 1 + exp(b) steps.
    steps = 1 + np.exp(bias[keep])
    assert steps.min() >= 2
    assert steps.max() <= 100
    assert steps.max() - steps.min() > 40
    if write is not None:
        np.testing.assert_array_equal(bias[write], -bias[keep])
    others = [gate for gate in range(len(bias)) if gate not in (keep, write)]
    assert np.all(bias[others] == 0)


@pytest.mark.parametrize("kind", ["rnn", "gru", "paralstm"])
def test_recurrent_dropout_drops_history_alone(kind):
    mixer, params, x = made(kind, recurrent_dropout=0.5)
    key = jax.random.key(1)
    dropped, _ = mixer.apply(params, x, train=True, rngs={"dropout": key})
    exact, _ = mixer.apply(params, x)
    # The first step has no history to drop.
    np.testing.assert_array_equal(dropped[:, 0], exact[:, 0])
    assert np.all(np.abs(dropped - exact)[:, -1].max(axis=-1) > 1e-3)
    # With no history at any step, nothing is dropped at all.
    every = jnp.ones(x.shape[:2], bool)
    alone, _ = mixer.apply(params, x, reset=every, train=True, rngs={"dropout": key})
    np.testing.assert_array_equal(alone, mixer.apply(params, x, reset=every)[0])


def test_recurrent_dropout_drops_the_given_share_and_keeps_the_mean():
    """An Elman RNN of the identity shows its mask: after two equal steps h_2 = x + m x."""
    config = ModelConfig(
        pattern=("rnn",), width=HIDDEN, recurrent_activation="relu", recurrent_dropout=0.25
    )
    mixer = make_mixer("rnn", config)
    identity = jnp.eye(HIDDEN)
    params = {
        "params": {
            "input_kernel": identity,
            "recurrent_kernel": identity,
            "bias": jnp.zeros(HIDDEN),
        }
    }
    x = jnp.ones((500, 4, HIDDEN))
    y, _ = mixer.apply(params, x, train=True, rngs={"dropout": jax.random.key(0)})
    factors = y[:, 1] - 1
    np.testing.assert_allclose(np.unique(factors.round(4)), [0, 1.3333], atol=1e-4)
    np.testing.assert_allclose(factors.mean(), 1, atol=0.03)
    np.testing.assert_allclose(y[:, 2], 1 + factors * y[:, 1], rtol=1e-5)
    np.testing.assert_allclose(y[:, 3], 1 + factors * y[:, 2], rtol=1e-5)


def test_without_a_rate_training_needs_no_randomness():
    mixer, params, x = made("lstm")
    np.testing.assert_array_equal(mixer.apply(params, x, train=True)[0], mixer.apply(params, x)[0])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"chrono_length": 1, "pattern": ("lstm",)}, r"model.chrono_length=1 must be at least 2"),
        ({"chrono_length": 10, "pattern": ("ssd",)}, r"model.chrono_length=10 has no effect on"),
        ({"recurrent_dropout": 0.1, "pattern": ("lru",)}, r"model.recurrent_dropout=0.1 has no"),
        ({"recurrent_dropout": 1.0, "pattern": ("lstm",)}, r"model.recurrent_dropout=1.0 must"),
        ({"heads": 3, "pattern": ("rglru",)}, r"model.heads=3 does not divide model.inner_size"),
        ({"state_size": 0}, r"model.state_size=0 must be at least 1"),
        ({"linear_recurrence": "fast"}, r"model.linear_recurrence='fast' is not one of auto,"),
    ],
)
def test_wrong_settings_end_in_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        ModelConfig(**settings)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "paragru", "paralstm"])
def test_parallel_evaluation_is_newtons_where_there_is_more_than_one_step(kind):
    def evaluation(method, steps):
        mixer, params, x = made(kind, nonlinear_recurrence=method)
        return str(jax.make_jaxpr(mixer.apply)(params, x[:, :steps]))

    assert "while[" in evaluation("parallel", 7)
    assert "while[" not in evaluation("parallel", 1)
    # Nothing was measured for it to win.
    assert "while[" not in evaluation("auto", 7)


def test_parallel_evaluation_gives_the_same_numbers():
    outputs = []
    for method in ("sequential", "parallel"):
        mixer, params, x = made("gru", nonlinear_recurrence=method)
        outputs.append(jax.jit(mixer.apply)(params, x)[0])
    np.testing.assert_allclose(*outputs, atol=1e-5)
