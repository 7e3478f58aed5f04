"""Translation: the loss is its definition, and what is written is what the model says of it all."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sacrebleu

from seqjax import models
from seqjax.data import tokenizers
from seqjax.data.arrays import Ragged, Split
from seqjax.data.facts import DataFacts
from seqjax.data.sentence_pairs import SentencePairsConfig
from seqjax.data.tokenizers import BEGIN, END, PADDING, SPECIAL_TOKENS
from seqjax.errors import UserError
from seqjax.models import EncoderDecoderConfig, ModelConfig
from seqjax.tasks import make_task
from seqjax.tasks.beam_search import worth
from seqjax.tasks.translation import NEVER_WRITTEN, SearchOptions, most_tokens

TASK = make_task("translation")
VOCABULARY, STEPS, TIME = 11, 5, 7
FACTS = DataFacts("files", "", (), VOCABULARY, {"source": (STEPS,), "target": (TIME,)}, {}, ())
SIDE = ModelConfig(pattern=("lstm",), embedding_size=8, width=8, heads=2, inner_size=8, pool="none")
BLOCKS = replace(SIDE, norm="pre", residual=True)


def both(side, *, encoder=None, attention=True, **settings):
    decoder = replace(side, cross_attention=attention)
    return EncoderDecoderConfig(replace(side, **encoder or {}), decoder, **settings)


MODELS = {
    "lstm": both(SIDE, encoder={"bidirectional": True}),
    "lstm, no attention": both(SIDE, attention=False, pass_state=True),
    # Repeated blocks are scanned over depth: their carries have the batch on the second axis.
    "transformer": both(
        replace(BLOCKS, pattern=("attention",) * 2, positions="sinusoidal"),
        encoder={"causal": False},
        share_embedding=True,
    ),
}


def complete(config):
    config = TASK.complete(config, FACTS)
    params = jax.jit(lambda key: models.init(config, key)[0])(jax.random.key(0))
    # Far from uniform, so that a wrong context tells in what is written.
    return config, jax.tree.map(lambda array: 3 * array, params)


def make_batch(rows=4):
    chance = np.random.default_rng(0)
    return {
        "source": chance.integers(4, VOCABULARY, (rows, STEPS), np.int32),
        "source_length": np.array([5, 2, 4, 5][:rows], np.int32),
        "target": chance.integers(4, VOCABULARY, (rows, TIME), np.int32),
        "target_length": np.array([7, 3, 2, 7][:rows], np.int32),
        "weight": np.array([1, 1, 1, 0][:rows], np.float32),
    }


SEARCH = jax.jit(TASK.search, static_argnums=(0, 3))
OPTIONS = SearchOptions(beams=3, length_penalty=0.7)


@functools.partial(jax.jit, static_argnums=0)
def logits_of(config, params, source, length, target):
    """The logits of every next token of `target`, read at once without a cache."""
    mask = jnp.arange(source.shape[1])[None] < length[:, None]
    encoded = models.encode(config, params, source, mask=mask)
    return models.decode(config, params, target, encoded)[0]


def test_the_loss_is_its_definition():
    config, params = complete(MODELS["lstm"])
    batch = make_batch()
    logits = logits_of(
        config, params, batch["source"], batch["source_length"], batch["target"][:, :-1]
    )
    log_p = np.asarray(jax.nn.log_softmax(logits))
    total, right, smooth, count = 0.0, 0, 0.0, 0
    for row in range(3):
        for place in range(1, batch["target_length"][row]):
            token, said = batch["target"][row, place], log_p[row, place - 1]
            total -= said[token]
            smooth -= 0.9 * said[token] + 0.1 * said.mean()
            right += said.argmax() == token
            count += 1
    assert count == 6 + 2 + 1

    @jax.jit
    def measured(params, batch):
        smoothed = TASK.means(config, params, batch, label_smoothing=0.1)
        return TASK.means(config, params, batch), smoothed, TASK.by_position(config, params, batch)

    means, smoothed, places = measured(params, batch)
    np.testing.assert_allclose(means["loss"], (total, count), rtol=1e-5)
    np.testing.assert_allclose(means["accuracy"], (right, count), rtol=1e-5)
    np.testing.assert_allclose(smoothed["loss"], (smooth, count), rtol=1e-5)
    assert places["loss"].count.tolist() == [3, 2, 1, 1, 1, 1]
    np.testing.assert_allclose([part.sum() for part in places["loss"]], means["loss"], rtol=1e-5)


@pytest.mark.parametrize("word", MODELS)
def test_what_is_written_is_what_the_model_says_of_the_whole_text(word):
    """Cached greedy search equals asking for each token anew; a search of three is never worse."""
    config, params = complete(MODELS[word])
    batch = make_batch(3)
    length = most_tokens(config, STEPS)
    greedily, _ = SEARCH(config, params, batch, SearchOptions(beams=1))
    several, worths = SEARCH(config, params, batch, OPTIONS)
    assert greedily.shape == several.shape == (3, length)
    source = batch["source"], batch["source_length"]

    def log_p_of(texts):
        logits = logits_of(config, params, *source, texts)
        return np.asarray(jax.nn.log_softmax(logits.at[..., NEVER_WRITTEN].set(-jnp.inf)))

    texts = np.full((3, 1 + length), PADDING)
    texts[:, 0] = BEGIN
    for place in range(length):
        token = log_p_of(texts)[:, place].argmax(axis=-1)
        goes_on = (texts[:, place] != END) & (texts[:, place] != PADDING)
        texts[:, place + 1] = np.where(goes_on, token, PADDING)
    np.testing.assert_array_equal(greedily, texts[:, 1:])

    first = np.full((3, 1), BEGIN)
    both = [(texts, log_p_of(np.concatenate([first, texts], 1))) for texts in (greedily, several)]
    for row in range(3):
        found = []
        for texts, log_p in both:
            count = int(np.count_nonzero(texts[row]))
            total = sum(log_p[row, place, texts[row, place]] for place in range(count))
            found.append(worth(total, count, OPTIONS.length_penalty))
        assert worths[row] == pytest.approx(float(found[1]), rel=1e-4)
        assert found[1] >= found[0] - 1e-4


def test_padding_and_other_rows_change_no_translation():
    config, params = complete(MODELS["transformer"])
    batch = make_batch(3)
    together, _ = SEARCH(config, params, batch, OPTIONS)
    source = batch["source"].copy()
    source[1, 2:], source[0] = 9, 4
    changed, _ = SEARCH(config, params, batch | {"source": source}, OPTIONS)
    np.testing.assert_array_equal(changed[1:], together[1:])


def test_the_score_is_that_of_sacrebleu():
    said = ["The cat sat on the mat .", "A dog, barking.", "x"]
    written = ["The cat is on the mat.", "A dog barking loudly.", "Nothing of it"]
    found = TASK.score(said, written)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(said, [written]).score)
    assert "tok:13a" in found["bleu_signature"]
    assert TASK.score(written, written)["bleu"] == pytest.approx(100)


def test_bytes_of_state():
    """An LSTM keeps two vectors, attention a key and a value for each step of either side."""
    rows = Split(
        {
            name: Ragged.from_rows([[0] * n] * 2, np.int32)
            for name, n in (("source", 3), ("target", 4))
        }
    )

    def state_bytes(word):
        return TASK.state_bytes(TASK.complete(MODELS[word], FACTS), rows)["state_bytes_per_pair"]

    position = 4
    assert state_bytes("lstm, no attention") == 2 * 8 * 4 + position
    memory = 3 * (2 * 8 + 1) * 4
    assert state_bytes("lstm") == 2 * 8 * 4 + memory + position
    cache = 4 * (2 * 8 + 2) * 4 + 3 * 4
    assert state_bytes("transformer") == 2 * (cache + memory) + position


@pytest.fixture(scope="module")
def tokenizer():
    source, target = (tokenizers.of_words([f"{side}{n}" for n in range(7)]) for side in "ab")
    return source.with_target(target)


def test_answers_are_texts_of_the_target(tokenizer):
    first = len(SPECIAL_TOKENS)
    rows = np.array([[first, first + 2, END, PADDING], [END, PADDING, PADDING, PADDING]])
    batch = {"source_length": np.array([3, 2])}
    assert TASK.answers(rows, batch, FACTS, tokenizer, SearchOptions()) == ["b0 b2", ""]


def test_nothing_is_invented_for_a_blank_line(tokenizer):
    config, params = complete(MODELS["lstm"])
    typed = ["a0 a1", "", "a2", "  "]
    source = SentencePairsConfig().read(typed, FACTS, tokenizer).columns["source"]
    batch = {"source": source.pad(np.arange(4), STEPS), "source_length": source.lengths}
    predictions = np.asarray(SEARCH(config, params, batch, SearchOptions(beams=1))[0])
    said = TASK.answers(predictions, batch, FACTS, tokenizer, SearchOptions())
    assert [bool(text) for text in said] == [True, False, True, False]
    assert np.any(predictions[1] >= len(SPECIAL_TOKENS))  # the model would have said something


@pytest.mark.parametrize(
    ("change", "facts", "said"),
    [
        (
            {"encoder": replace(SIDE, positions="learned", max_positions=4)},
            FACTS,
            r"model\.encoder\.max_positions=4 .* 5 tokens",
        ),
        (
            {
                "decoder": replace(
                    BLOCKS, positions="learned", max_positions=5, cross_attention=True
                )
            },
            FACTS,
            r"model\.decoder\.max_positions=5 .* 6 tokens",
        ),
        ({"share_embedding": True}, replace(FACTS, target_vocabulary_size=9), r"data\.joint=True"),
        ({"encoder": replace(SIDE, vocabulary_size=3)}, FACTS, r"vocabulary_size=3 does not agree"),
    ],
)
def test_models_that_do_not_fit_the_data_are_refused(change, facts, said):
    config = both(SIDE)
    with pytest.raises(UserError, match=said):
        TASK.complete(replace(config, **change), facts)


def test_a_vocabulary_for_each_language():
    config = TASK.complete(both(SIDE), replace(FACTS, target_vocabulary_size=9))
    assert (config.encoder.vocabulary_size, config.decoder.vocabulary_size) == (VOCABULARY, 9)
    assert config.decoder.outputs == 9


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"beams": 0}, "--beams=0 must be at least 1"), ({"length_penalty": -1.0}, "at least 0")],
)
def test_options_that_cannot_work_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        SearchOptions(**settings)
