import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.tokenizers import UNKNOWN, train
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.classification import Classification, cross_entropy, last_step, probabilities
from seqjax.tasks.task import Options

TASK = Classification()
MEANS = jax.jit(TASK.means, static_argnums=0)


def facts(*labels):
    return DataFacts("files", "", labels, 20, {"tokens": (8,)}, {}, ())


def floats(*shape):
    return arrays.arrays(np.float32, shape, elements=st.floats(-20, 20, width=32))


def test_the_data_decides_vocabulary_and_logits():
    assert TASK.complete(ModelConfig(), facts("no", "yes")).outputs == 1
    assert TASK.complete(ModelConfig(), facts("a", "b", "c")).outputs == 3
    assert TASK.complete(ModelConfig(), facts("a", "b", "c")).vocabulary_size == 20
    with pytest.raises(UserError, match=r"model.outputs=2 does not agree with the data"):
        TASK.complete(ModelConfig(outputs=2), facts("no", "yes"))


def test_unknown_tasks_are_refused():
    assert isinstance(make_task("classification"), Classification)
    with pytest.raises(
        UserError, match=r"task='classfication' is unknown; did you mean 'classification'"
    ):
        make_task("classfication")


@given(logits=floats(6, 1))
def test_one_logit_is_that_of_the_second_of_two(logits):
    both = np.concatenate([np.zeros_like(logits), logits], axis=1)
    np.testing.assert_allclose(probabilities(logits), probabilities(both), rtol=1e-5, atol=1e-7)
    labels = np.arange(6) % 2
    for smoothing in (0.0, 0.2):
        np.testing.assert_allclose(
            cross_entropy(jnp.asarray(logits), labels, smoothing),
            cross_entropy(jnp.asarray(both), labels, smoothing),
            rtol=1e-5,
            atol=1e-6,
        )


@given(logits=floats(5, 4), smoothing=st.floats(0, 0.9))
def test_cross_entropy_is_its_definition(logits, smoothing):
    labels = np.arange(5) % 4
    wide = logits.astype(np.float64)
    log_p = wide - np.log(np.exp(wide - wide.max(1, keepdims=True)).sum(1, keepdims=True))
    log_p -= wide.max(1, keepdims=True)
    q = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
    found = cross_entropy(jnp.asarray(logits), labels, smoothing)
    np.testing.assert_allclose(found, -(q * log_p).sum(1), rtol=1e-4, atol=1e-4)


def make_batch(weight):
    chance = np.random.default_rng(0)
    return {
        "tokens": jnp.asarray(chance.integers(1, 20, (4, 8)), jnp.int32),
        "tokens_length": jnp.array([8, 3, 1, 5], jnp.int32),
        "label": jnp.array([0, 1, 1, 0], jnp.int32),
        "weight": jnp.asarray(weight, jnp.float32),
    }


@pytest.fixture(scope="module")
def make_model():
    """Returns a function that gives a small model with the pooling asked for."""

    def make(pool):
        config = ModelConfig(pattern=("rnn",), pool=pool, width=4, embedding_size=4)
        config = TASK.complete(config, facts("no", "yes"))
        return config, jax.jit(lambda key: models.init(config, key)[0])(jax.random.key(0))

    return make


@pytest.mark.parametrize("pool", ["mean", "none"])
def test_means_add_up_over_any_split_of_the_rows(make_model, pool):
    config, params = make_model(pool)
    whole = MEANS(config, params, make_batch([1, 1, 1, 1]))
    halves = [MEANS(config, params, make_batch(w)) for w in ([1, 0, 1, 0], [0, 1, 0, 1])]
    for name, mean in whole.items():
        for part in ("total", "count"):
            added = sum(getattr(half[name], part) for half in halves)
            np.testing.assert_allclose(added, getattr(mean, part), rtol=1e-5)
    assert whole["accuracy"].count == 4
    assert whole["loss"].count == (4 if pool == "mean" else 8 + 3 + 1 + 5)


def test_a_logit_for_every_step_is_asked_for_the_label_and_the_last_one_answers(make_model):
    config, params = make_model("none")
    batch = make_batch([1, 1, 1, 1])
    mask = np.arange(8) < np.asarray(batch["tokens_length"])[:, None]
    logits = np.asarray(models.apply(config, params, batch["tokens"], mask=jnp.asarray(mask))[0])
    losses = np.asarray(cross_entropy(jnp.asarray(logits), batch["label"][:, None], 0.0))
    means = MEANS(config, params, batch)
    np.testing.assert_allclose(means["loss"].total, losses[mask].sum(), rtol=1e-5)
    answers = np.array([logits[row, n - 1, 0] for row, n in enumerate([8, 3, 1, 5])])
    right = (answers > 0) == np.asarray(batch["label"])
    assert means["accuracy"].total == right.sum()
    shares = TASK.predict(config, params, batch, Options())[:, 1]
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-answers)), rtol=1e-5)
    np.testing.assert_array_equal(last_step(logits, batch["tokens_length"])[:, 0], answers)


class Fixed(Classification):
    """Says what the batch holds."""

    def predict(self, config, params, batch, options):
        return batch["shares"]


@pytest.mark.parametrize("labels", [2, 5])
def test_the_confusion_is_that_of_scikit_learn(labels):
    chance = np.random.default_rng(labels)
    shares = chance.dirichlet(np.ones(labels), 200)
    batch = {
        "shares": jnp.asarray(shares, jnp.float32),
        "label": jnp.asarray(chance.integers(0, labels, 200), jnp.int32),
        "weight": jnp.asarray(chance.integers(0, 2, 200), jnp.float32),
    }
    found = Fixed().confusion(None, None, batch)
    expected = confusion_matrix(
        batch["label"], shares.argmax(axis=1), labels=range(labels), sample_weight=batch["weight"]
    )
    assert np.any(expected != expected.T)  # so that rows cannot be taken for columns
    np.testing.assert_array_equal(found, expected)


def test_lines_that_lose_their_middle_are_told():
    tokenizer = train(["good film", "bad film"], LabelledTextConfig())
    config = LabelledTextConfig(max_length=4)
    assert list(config.unread(["film " * 4, "", "film " * 5], tokenizer)) == [
        "The line 'film film film film film ' has 5 tokens, and this run reads at most 4: its "
        "middle was left out."
    ]


def test_lines_are_read_as_rows():
    tokenizer = train(["good film", "bad film"], LabelledTextConfig())
    config = LabelledTextConfig(max_length=3)
    lines = ["good film", "", "film " * 9]
    tokens = config.read(lines, facts(), tokenizer).columns["tokens"]
    good, film = tokenizer.encode_batch(["good film"])[0]
    assert [list(tokens[row]) for row in range(3)] == [[good, film], [UNKNOWN], [film] * 3]


def test_answers_name_the_likeliest_label():
    predictions = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    said = TASK.answers(predictions, {}, facts("a", "b c", "d"), None, Options())
    assert said == ["b c\t0.5000", "d\t0.8000"]
