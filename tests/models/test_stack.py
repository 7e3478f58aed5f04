"""The stack around the mixers: streaming, padding, packing, causality and depth."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from seqjax import models
from seqjax.errors import UserError
from seqjax.models import ModelConfig

BATCH, TIME, VOCABULARY = 2, 12, 11
TOKENS = np.random.default_rng(0).integers(0, VOCABULARY, (BATCH, TIME))
MASK = np.array([[0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0], [1] * TIME], bool)
RESET = np.array([[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]], bool)

HYBRID = ModelConfig(
    vocabulary_size=VOCABULARY,
    outputs=3,
    embedding_size=6,
    pattern=("gru", "attention") * 2,
    width=8,
    heads=2,
    norm="pre",
    final_norm=True,
    residual=True,
    feed_forward="two_layer",
    feed_forward_size=10,
    pool="none",
)


@functools.cache
def params_of(config: ModelConfig):
    """Returns random parameters, no two of them alike."""
    random = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(0.4 * random.normal(size=leaf.shape), jnp.float32),
        models.abstract(config)[0],
    )


_apply = jax.jit(models.apply, static_argnums=0)


def apply(config, inputs, carry=None, *, mask=None, reset=None):
    y, carry = _apply(config, params_of(config), inputs, carry, mask=mask, reset=reset)
    return np.asarray(y), carry


def stream(config, sizes, mask=MASK, reset=RESET):
    """Yields the outputs of each chunk, one after the other from an empty carry."""
    carry, start = models.init_carry(config, BATCH, TIME), 0
    for size in sizes:
        chunk = slice(start, start + size)
        y, carry = apply(
            config, TOKENS[:, chunk], carry, mask=mask[:, chunk], reset=reset[:, chunk]
        )
        yield y
        start += size


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_whole_equals_chunks_equals_steps(positions):
    config = replace(HYBRID, positions=positions)
    whole, _ = apply(config, TOKENS, mask=MASK, reset=RESET)
    for sizes in ([4, 1, 1, 4, 1, 1], [1] * TIME):
        streamed = np.concatenate(list(stream(config, sizes)), axis=1)
        np.testing.assert_allclose(streamed[MASK], whole[MASK], atol=1e-5)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_packed_examples_are_as_if_alone(positions):
    config = replace(HYBRID, positions=positions)
    reset = np.zeros((BATCH, TIME), bool)
    reset[:, TIME // 2] = True
    packed, _ = apply(config, TOKENS, reset=reset)
    for example in (slice(0, TIME // 2), slice(TIME // 2, TIME)):
        alone, _ = apply(config, TOKENS[:, example])
        np.testing.assert_allclose(packed[:, example], alone, atol=1e-5)


def test_the_gradient_from_the_future_is_exactly_zero():
    config = replace(HYBRID, vocabulary_size=0, input_size=4, positions="learned")
    frames = np.random.default_rng(0).normal(size=(BATCH, TIME, 4)).astype("float32")

    @jax.jit
    def gradient(frames, now):
        def at(frames):
            y, _ = models.apply(config, params_of(config), frames)
            return (y[:, now] ** 2).sum()

        return jax.grad(at)(frames)

    for now in (0, 4, TIME - 2):
        found = gradient(frames, now)
        assert np.all(found[:, now + 1 :] == 0)
        assert np.all(np.abs(found[:, : now + 1]).max(axis=-1) > 0)


@pytest.mark.parametrize(
    "config",
    [
        replace(HYBRID, positions="sinusoidal", pool="mean"),
        replace(HYBRID, pattern=("attention",), causal=False),
        replace(HYBRID, pattern=("gru",) * 2, bidirectional=True, residual=False, pool="last"),
        replace(HYBRID, pattern=(), pool="mean"),
    ],
    ids=["hybrid", "full attention", "bidirectional", "bag"],
)
def test_padding_changes_nothing(config):
    """Before, between and after the real steps; which tokens lie there is all the same."""
    real = np.array([1, 2, 3, 6, 7, 10])
    mask = np.zeros((BATCH, TIME), bool)
    mask[:, real] = True
    padded, _ = apply(config, TOKENS, mask=mask)
    other, _ = apply(config, np.where(mask, TOKENS, 0), mask=mask)
    alone, _ = apply(config, TOKENS[:, real])
    if config.pool == "none":
        padded, other = padded[:, real], other[:, real]
    np.testing.assert_array_equal(padded, other)
    np.testing.assert_allclose(padded, alone, atol=1e-5)


def test_repeats_are_scanned_and_equal_to_unrolled_and_to_single_blocks():
    pattern = ("gru", "attention") * 3 + ("gru",)
    scanned = replace(HYBRID, pattern=pattern, outputs=0, final_norm=False)
    params = params_of(scanned)
    assert set(params) == {"frontend", "to_width", "segment_0", "segment_1"}
    assert params["segment_0"]["block_0"]["gru"]["bias"].shape == (3, 24)
    y, _ = apply(scanned, TOKENS)

    unrolled = replace(scanned, unroll_depth=True)
    assert models.abstract(unrolled) == models.abstract(scanned)
    np.testing.assert_allclose(_apply(unrolled, params, TOKENS)[0], y, atol=1e-5)

    x, _ = _apply(replace(scanned, pattern=()), {"frontend": params["frontend"]}, TOKENS)
    x = x @ params["to_width"]["kernel"] + params["to_width"]["bias"][None, None]
    for depth, mixer in enumerate(pattern):
        repeat, place = divmod(depth, 2)
        if repeat < 3:
            stacked = params["segment_0"][f"block_{place}"]
            block = jax.tree.map(lambda leaf, repeat=repeat: leaf[repeat], stacked)
        else:
            block = params["segment_1"]["block_0"]
        single = replace(
            scanned, pattern=(mixer,), vocabulary_size=0, input_size=8, embedding_size=0
        )
        x, _ = _apply(single, {"segment_0": {"block_0": block}}, x)
    np.testing.assert_allclose(x, y, atol=1e-5)


def test_the_carry_of_a_scanned_pattern_holds_a_state_for_each_layer():
    config = replace(HYBRID, pattern=("gru",) * 4)
    carry = models.init_carry(config, BATCH, TIME)
    after = jax.eval_shape(
        lambda params: models.apply(config, params, jnp.asarray(TOKENS), carry)[1],
        models.abstract(config)[0],
    )
    assert jax.tree.map(jnp.shape, carry) == jax.tree.map(jnp.shape, after)
    assert [leaf.shape for leaf in jax.tree.leaves(carry.segments)] == [(4, BATCH, 8)]


def size_of(jaxpr) -> int:
    """The number of equations of a jaxpr, at any depth."""
    inner = sum(size_of(inner) for e in jaxpr.eqns for inner in jaxprs_in_params(e.params))
    return len(jaxpr.eqns) + inner


def test_what_is_compiled_does_not_grow_with_the_depth():
    def program(repeats, **settings):
        config = replace(HYBRID, pattern=("gru", "attention") * repeats, **settings)

        def loss(params):
            return models.apply(config, params, jnp.asarray(TOKENS))[0].sum()

        return size_of(jax.make_jaxpr(jax.grad(loss))(models.abstract(config)[0]).jaxpr)

    assert program(12) == program(3)
    assert program(3) < 1.5 * program(1)


def test_an_unknown_mixer_names_the_nearest():
    with pytest.raises(UserError, match=r"model\.pattern has no mixer 'lstn'.*lstm"):
        models.abstract(replace(HYBRID, pattern=("lstn",)))


@pytest.mark.parametrize(
    ("settings", "field"), [({"causal": False}, "causal"), ({"bidirectional": True}, "bidir")]
)
def test_streaming_a_model_that_is_not_causal_is_one_sentence(settings, field):
    kind = "gru" if "bidirectional" in settings else "attention"
    config = replace(HYBRID, pattern=(kind,), residual=False, **settings)
    with pytest.raises(UserError, match=rf"model\.{field}.*stream"):
        models.init_carry(config, 1, 8)


def test_more_steps_than_learned_positions_is_one_sentence():
    config = replace(HYBRID, positions="learned", max_positions=TIME - 1)
    with pytest.raises(UserError, match=r"model\.max_positions=11.*12 steps"):
        apply(config, TOKENS)


def test_bfloat16_computes_low_and_keeps_parameters_and_logits_high():
    config = replace(HYBRID, dtype="bfloat16", positions="sinusoidal")
    low, _ = _apply(config, params_of(replace(config, dtype="float32")), TOKENS)
    exact, _ = apply(replace(config, dtype="float32"), TOKENS)
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, exact, atol=0.1 * np.abs(exact).max())
    assert {leaf.dtype for leaf in jax.tree.leaves(models.abstract(config)[0])} == {
        jnp.dtype("float32")
    }


def test_dropout_acts_in_training_alone():
    config = replace(HYBRID, dropout=0.5, attention_dropout=0.5)
    params = params_of(config)
    plain, _ = apply(HYBRID, TOKENS)
    np.testing.assert_array_equal(_apply(config, params, TOKENS)[0], plain)
    draws = [
        _apply(config, params, TOKENS, dropout_key=jax.random.key(seed))[0] for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])


@pytest.mark.parametrize("field", ["dropout", "token_dropout", "attention_dropout"])
def test_dropout_keeps_the_mean(field):
    """A model that is linear in what is dropped: the mean over many draws is that without."""
    config = replace(
        ModelConfig(input_size=4, embedding_size=0, pool="none", width=4, heads=2),
        pattern=("attention",) if field == "attention_dropout" else (),
        **{field: 0.3},
    )
    params = params_of(config)
    frames = np.random.default_rng(0).normal(size=(1, 5, 4)).astype("float32")
    keys = jax.random.split(jax.random.key(0), 4000)

    @jax.jit
    def draw(frames, keys):
        run = functools.partial(models.apply, config, params, frames)
        return jax.vmap(lambda key: run(dropout_key=key)[0])(keys), run()[0]

    draws, plain = draw(frames, keys)
    np.testing.assert_allclose(draws.mean(axis=0), plain, atol=0.1)
    assert draws.std(axis=0).max() > 0.1


def test_token_dropout_takes_tokens_whole():
    config = ModelConfig(vocabulary_size=10, embedding_size=8, pattern=(), pool="none")
    config = replace(config, token_dropout=0.4)
    tokens = np.ones((4, 500), np.int32)
    steps, _ = _apply(config, params_of(config), tokens, dropout_key=jax.random.key(0))
    dropped = np.asarray(steps) == 0
    np.testing.assert_array_equal(dropped.all(axis=-1), dropped.any(axis=-1))
    assert abs(dropped.mean() - 0.4) < 0.05
