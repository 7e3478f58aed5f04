"""The answers of a clip, and what they are counted as."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.data.video import DIRECTIONS
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import video
from seqjax.tasks.task import Options
from seqjax.tasks.video import Video, answered

TASK = Video()
MEANS = jax.jit(TASK.means, static_argnums=0)
FACTS = DataFacts("", "", ("0", "1", "2"), 0, {"frames": (4,)}, {}, (), frame_size=9, target_size=9)
CONFIG = TASK.complete(ModelConfig(pattern=("gru",), width=8, embedding_size=4, pool="none"), FACTS)


@pytest.fixture(scope="module")
def clips():
    """Returns parameters and a batch of five clips, the last of which only fills it up."""
    chance = np.random.default_rng(0)
    batch = {
        "frames": chance.integers(0, 256, (5, 4, 9)).astype(np.uint8),
        "after": chance.integers(0, 256, (5, 9)).astype(np.uint8),
        "digit": np.array([0, 1, 2, 1, 0], np.int32),
        "direction": chance.integers(0, 8, (5, 4)).astype(np.int32),
        "weight": np.array([1, 1, 1, 1, 0], np.float32),
    }
    params, _ = models.init(CONFIG, jax.random.key(0))
    return params, batch


def mean(pair):
    return float(pair.total / pair.count)


def test_metrics_are_those_of_numpy(clips):
    params, batch = clips
    digit, direction, frame = (np.asarray(x)[:4] for x in answered(CONFIG, params, batch, None))
    assert digit.shape == (4, 4, 3) and direction.shape == (4, 4, 8) and frame.shape == (4, 4, 9)
    seen = batch["frames"][:4] / 255
    after = np.concatenate([seen[:, 1:], batch["after"][:4, None] / 255], axis=1)
    errors = ((frame - after) ** 2).mean(axis=2)
    losses = 20 * errors
    for logits, label in (
        (digit, np.broadcast_to(batch["digit"][:4, None], (4, 4))),
        (direction, batch["direction"][:4]),
    ):
        logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        losses -= np.take_along_axis(logs, label[..., None], axis=2)[..., 0]
    right = [
        digit[:, -1].argmax(1) == batch["digit"][:4],
        direction[:, -1].argmax(1) == batch["direction"][:4, -1],
    ]
    found = MEANS(CONFIG, params, batch)
    expected = {
        "loss": losses.mean(),
        "frame_mse": errors.mean(),
        "accuracy": np.mean(right[0] & right[1]),
        "digit_accuracy": right[0].mean(),
        "direction_accuracy": right[1].mean(),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert mean(found[name]) == pytest.approx(value, rel=1e-4)


def test_steps_add_up_to_the_whole(clips):
    params, batch = clips
    steps, found = TASK.by_position(CONFIG, params, batch), MEANS(CONFIG, params, batch)
    for name in ("loss", "frame_mse"):
        assert steps[name].total.shape == steps[name].count.shape == (4,)
        assert float(steps[name].total.sum()) == pytest.approx(float(found[name].total), rel=1e-5)
    for name in ("accuracy", "digit_accuracy"):
        assert float(steps[name].total[-1]) == float(found[name].total)


def test_answers_name_digit_and_direction_and_the_confusion_counts_them(clips):
    params, batch = clips
    shares = jax.device_get(TASK.predict(CONFIG, params, batch, Options()))
    said = [row.split("\t") for row in TASK.answers(shares, batch, FACTS, None, Options())]
    assert [row[0] for row in said] == [str(k) for k in shares[0].argmax(axis=1)]
    assert all(row[2] in DIRECTIONS and float(row[3]) > 1 / 9 for row in said)
    matrix = np.asarray(TASK.confusion(CONFIG, params, batch))
    assert matrix.sum(axis=1).tolist() == [1, 2, 1]
    assert matrix.trace() == float(MEANS(CONFIG, params, batch)["digit_accuracy"].total)


def test_the_confusion_is_that_of_scikit_learn(monkeypatch):
    chance = np.random.default_rng(0)
    digits = jnp.asarray(chance.normal(size=(200, 4, 5)), jnp.float32)
    monkeypatch.setattr(video, "answered", lambda *_: (digits, None, None))
    batch = {
        "digit": jnp.asarray(chance.integers(0, 5, 200), jnp.int32),
        "weight": jnp.asarray(chance.integers(0, 2, 200), jnp.float32),
    }
    said = np.asarray(digits)[:, -1].argmax(axis=1)
    expected = confusion_matrix(
        batch["digit"], said, labels=range(5), sample_weight=batch["weight"]
    )
    assert np.any(expected != expected.T)
    np.testing.assert_array_equal(TASK.confusion(CONFIG, None, batch), expected)


@pytest.mark.parametrize(
    ("field", "value"), [("pool", "last"), ("causal", False), ("bidirectional", True)]
)
def test_a_model_that_sees_the_frame_it_is_asked_for_is_refused(field, value):
    config = ModelConfig(pattern=("gru",), pool="none")
    with pytest.raises(UserError, match=f"model.{field}={value!r}"):
        TASK.complete(replace(config, **{field: value}), FACTS)
