"""Language models: the loss is its definition, and what is written is what the model says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax import models
from seqjax.data import tokenizers
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import BEGIN, PADDING, SPECIAL_TOKENS
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.decoding import Sampling
from seqjax.tasks.language_model import SamplingOptions, cross_entropy

TASK = make_task("language_model")
MEANS = jax.jit(TASK.means, static_argnums=0, static_argnames="label_smoothing")
VOCABULARY, STEPS = 12, 8
FACTS = DataFacts("files", "", (), VOCABULARY, {"tokens": (STEPS + 1,)}, {}, ())
SMALL = {"embedding_size": 8, "width": 8, "heads": 2, "inner_size": 8, "pool": "none"}
ATTENTION = SMALL | {"norm": "pre", "residual": True}
MODELS = {
    "lstm": ModelConfig(pattern=("lstm",), **SMALL),
    "rotary": ModelConfig(pattern=("attention",), positions="rotary", **ATTENTION),
    "learned": ModelConfig(
        pattern=("attention",), positions="learned", max_positions=STEPS, **ATTENTION
    ),
    "hybrid": ModelConfig(
        pattern=("rglru", "local_attention"), window=3, positions="rotary", **ATTENTION
    ),
}
FORGETFUL = ("rotary", "learned")  # at more steps than they were trained on


def complete(config):
    config = TASK.complete(config, FACTS)
    params = jax.jit(lambda key: models.init(config, key)[0])(jax.random.key(0))
    # Far from uniform, so that a wrong context tells in what is drawn.
    return config, jax.tree.map(lambda array: 3 * array, params)


def make_batch(rows=4):
    chance = np.random.default_rng(0)
    return {
        "tokens": jnp.asarray(chance.integers(4, VOCABULARY, (rows, STEPS + 1)), jnp.int32),
        "tokens_length": jnp.array([9, 9, 4, 9][:rows], jnp.int32),
        "characters": jnp.asarray(chance.integers(0, 4, (rows, STEPS + 1)), jnp.int32),
        "context": jnp.array([0, 3, 1, 0][:rows], jnp.int32),
        "weight": jnp.array([1, 1, 1, 0][:rows], jnp.float32),
    }


def questions(batch):
    """Every (row, place of the token) that counts, one by one."""
    for row, weight in enumerate(batch["weight"]):
        for place in range(1 + int(batch["context"][row]), int(batch["tokens_length"][row])):
            if weight:
                yield row, place


def test_the_loss_is_its_definition():
    config, params = complete(MODELS["lstm"])
    batch = make_batch()
    logits = np.asarray(models.apply(config, params, batch["tokens"])[0], np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    asked = list(questions(batch))
    assert len(asked) == 8 + 5 + 2
    nats = sum(-log_p[row, place - 1, batch["tokens"][row, place]] for row, place in asked)
    characters = sum(int(batch["characters"][row, place]) for row, place in asked)
    means = MEANS(config, params, batch)
    np.testing.assert_allclose(means["loss"], (nats, len(asked)), rtol=1e-5)
    np.testing.assert_allclose(means["nats_per_character"], (nats, characters), rtol=1e-5)

    smoothed = MEANS(config, params, batch, label_smoothing=0.1)
    uniform = sum(-log_p[row, place - 1].mean() for row, place in asked)
    np.testing.assert_allclose(smoothed["loss"].total, 0.9 * nats + 0.1 * uniform, rtol=1e-5)
    np.testing.assert_array_equal(smoothed["nats_per_character"], means["nats_per_character"])


def test_smoothing_is_a_cross_entropy_against_smoothed_targets():
    logits = jax.random.normal(jax.random.key(0), (2, 3, 5))
    targets = jnp.array([[0, 4, 2], [1, 1, 3]])
    smoothed = jax.nn.one_hot(targets, 5) * 0.7 + 0.3 / 5
    expected = -(smoothed * jax.nn.log_softmax(logits)).sum(-1)
    np.testing.assert_allclose(cross_entropy(logits, targets, 0.3)[1], expected, rtol=1e-5)


def test_by_position_every_window_is_asked_at_every_step():
    config, params = complete(MODELS["lstm"])
    batch = make_batch()
    found = TASK.by_position(config, params, batch)
    assert found["loss"].count.tolist() == [3, 3, 3, 2, 2, 2, 2, 2]
    whole = MEANS(config, params, batch | {"context": jnp.zeros(4, jnp.int32)})
    for name, mean in whole.items():
        np.testing.assert_allclose([part.sum() for part in found[name]], mean, rtol=1e-5)


def test_derived_metrics():
    found = TASK.derived({"loss": np.log(8), "nats_per_character": np.log(2)})
    assert found["perplexity"] == pytest.approx(8) and found["bits_per_character"] == 1
    assert np.isfinite(TASK.derived({"loss": 1e6, "nats_per_character": 1})["perplexity"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pattern": ("lstm",), "bidirectional": True}, "model.bidirectional=True lets lstm see"),
        ({"pattern": ("lstm", "attention"), "causal": False}, "model.causal=False lets attention"),
        ({"pool": "last"}, "model.pool='last' gives one answer"),
        ({"positions": "learned", "max_positions": 7}, "model.max_positions=7 .* data.length=8"),
        ({"outputs": 3}, "model.outputs=3 does not agree with the data"),
    ],
)
def test_models_that_cannot_be_language_models_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        TASK.complete(ModelConfig(**{"pool": "none"} | settings), FACTS)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"length": 0}, "--length=0 must be at least 1"),
        ({"temperature": -1.0}, "--temperature=-1.0 must be at least 0"),
        ({"temperature": float("nan")}, "--temperature=nan"),
        ({"top_k": -1}, "--top_k=-1"),
        ({"top_p": 0.0}, "--top_p=0.0 must be above 0"),
        ({"seed": 2**32}, "--seed=4294967296"),
    ],
)
def test_options_that_cannot_work_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        SamplingOptions(**settings)


def prompts(*rows):
    tokens = np.zeros((len(rows), STEPS + 1), np.int32)
    for row, prompt in enumerate(rows):
        tokens[row, : len(prompt)] = prompt
    lengths = np.array(list(map(len, rows)), np.int32)
    return {"tokens": tokens, "tokens_length": lengths, "row": np.arange(len(rows), dtype=np.int32)}


def written_without_a_cache(config, params, prompt, row, options, starts_again):
    """Each token from the logits of everything that the model is to know, read at once.

    `starts_again` is how many tokens are written before the model forgets all but the last ones.
    """
    size = STEPS if starts_again else STEPS + options.length  # what comes last changes nothing
    choose = Sampling(options.temperature, options.top_k, options.top_p).chooser(
        options.seed, jnp.array([row])
    )

    @jax.jit
    def next_token(known, last, number):
        logits = models.apply(config, params, known)[0][:, last]
        return choose(logits.at[:, jnp.array([0, 1, 3])].set(-jnp.inf), number)

    text, known = list(prompt), list(prompt)
    for number in range(options.length):
        if starts_again and number % starts_again == 0:
            known = text[-(STEPS - starts_again) :]
        padded = jnp.array([known + [PADDING] * (size - len(known))])
        text.append(int(next_token(padded, len(known) - 1, number)[0]))
        known.append(text[-1])
        if text[-1] == BEGIN:
            break
    return text[len(prompt) :]


@pytest.mark.parametrize(
    ("word", "length"),
    [("lstm", 11), ("rotary", 11), ("learned", 3), ("learned", 11), ("hybrid", 11)],
)
def test_what_is_written_is_what_the_model_says_of_the_whole_text(word, length):
    config, params = complete(MODELS[word])
    typed = [BEGIN, 5, 6], [BEGIN, 4, 5, 6, 7, 8, 9, 10], [7, 8, 9, 10, 11, 4, 5, 6]
    batch = prompts(*typed)
    options = SamplingOptions(length=length, temperature=1.3, top_k=9, top_p=0.98, seed=1)
    found = jax.jit(TASK.predict, static_argnums=(0, 3))(config, params, batch, options)
    starts_again = min(length, STEPS // 2) if word in FORGETFUL else 0
    for row, prompt in enumerate(typed):
        expected = written_without_a_cache(config, params, prompt, row, options, starts_again)
        padding = [PADDING] * (length - len(expected))
        assert found[row].tolist() == expected + padding


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.of_words([str(n) for n in range(VOCABULARY - len(SPECIAL_TOKENS))])


@pytest.mark.parametrize("word", ["lstm", "learned"])
def test_pieces_add_up_to_the_answer(word, tokenizer):
    config, params = complete(MODELS[word])
    options = SamplingOptions(length=11, seed=3)
    batch = prompts([BEGIN, 5, 6], [BEGIN, 9])
    written = TASK.predict(config, params, batch, options)
    answers = TASK.answers(np.asarray(written), batch, FACTS, tokenizer, options)
    assert answers[0].startswith("1 2") and answers[1].startswith("5")
    stream = TASK.streamer(config, options)
    for row, answer in enumerate(answers):
        one = {name: column[row : row + 1] for name, column in batch.items()}
        pieces = list(stream(params, one, tokenizer))
        assert "".join(pieces) == answer
        assert len(pieces) == 1 + np.count_nonzero(written[row])


def test_a_seed_tells_the_text_and_no_prompt_changes_another():
    config, params = complete(MODELS["lstm"])
    batch = prompts([BEGIN, 5, 6], [BEGIN, 9], [BEGIN, 9])
    predict = jax.jit(TASK.predict, static_argnums=(0, 3))

    def write(batch, **settings):
        options = SamplingOptions(length=20, **settings)
        return predict(config, params, batch, options).tolist()

    found = write(batch)
    assert found == write(batch)
    assert found != write(batch, seed=1)
    assert found[1] != found[2]
    alone = {name: column[2:] for name, column in batch.items()}
    assert write(alone) == found[2:]
    greedy = write(batch, temperature=0.0)
    assert greedy[1] == greedy[2] and greedy == write(batch, temperature=0.0, seed=1)
    assert greedy == write(batch, top_k=1)
