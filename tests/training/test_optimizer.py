import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax import models
from seqjax.models import ModelConfig
from seqjax.training.config import OptimizerConfig
from seqjax.training.optimizer import make_optimizer, make_schedule, matching

STEPS = 20


def rate(config, step):
    """The learning rate of a step, from its definition."""
    peak, warmup = config.learning_rate, config.warmup_steps
    if step < warmup:
        return peak * step / warmup
    done = min(1.0, (step - warmup) / max(STEPS - warmup, 1))
    left = {
        "constant": 1.0,
        "linear": 1 - done,
        "cosine": (1 + np.cos(np.pi * done)) / 2,
    }[config.schedule]
    return peak * (left + (1 - left) * config.final_fraction)


@given(
    st.builds(
        OptimizerConfig,
        schedule=st.sampled_from(["constant", "linear", "cosine"]),
        learning_rate=st.floats(1e-5, 1.0),
        warmup_steps=st.integers(0, 25),
        final_fraction=st.floats(0.0, 1.0),
    ),
    st.integers(0, 30),
)
def test_the_schedule_is_its_definition(config, step):
    found = make_schedule(config, STEPS, config.learning_rate)(jnp.asarray(step))
    np.testing.assert_allclose(found, rate(config, step), rtol=1e-5, atol=1e-9)


def test_weights_decay_by_their_full_path():
    config = ModelConfig(
        pattern=("attention",) * 2,
        width=8,
        embedding_size=8,
        heads=2,
        norm="pre",
        final_norm=True,
        residual=True,
        feed_forward="two_layer",
        vocabulary_size=10,
        outputs=1,
    )
    params, _ = models.abstract(config)

    def decayed(*patterns):
        mask = matching(patterns, params)
        leaves = jax.tree.leaves_with_path(mask)
        return {jax.tree_util.keystr(path, simple=True, separator="/") for path, on in leaves if on}

    block = "segment_0/block_0"
    kernels = {f"{block}/attention/{name}/kernel" for name in ("query", "key", "value", "output")}
    kernels |= {f"{block}/feed_forward/{name}/kernel" for name in ("inner", "outer")}
    assert decayed(*OptimizerConfig().decayed) == kernels | {"head/logits/kernel"}
    assert decayed("kernel", "logits/kernel") == set()  # a part of a path is not the path
    assert decayed(r".*/scale", r"final_norm/.*") == {
        f"{block}/mixer_norm/scale",
        f"{block}/feed_forward_norm/scale",
        "final_norm/scale",
        "final_norm/bias",
    }


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_optimizer_is_that_of_optax(name):
    config = OptimizerConfig(
        name=name,
        learning_rate=0.1,
        schedule="cosine",
        warmup_steps=2,
        beta1=0.7,
        beta2=0.9,
        epsilon=1e-3,
        momentum=0.5 if name == "sgd" else 0.0,
        weight_decay=0.1 if name == "adamw" else 0.0,
        clip_norm=0.5,
    )
    schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, STEPS)
    rule = {
        "adam": lambda: optax.adam(schedule, 0.7, 0.9, 1e-3),
        "adamw": lambda: optax.adamw(
            schedule, 0.7, 0.9, 1e-3, weight_decay=0.1, mask={"kernel": True, "bias": False}
        ),
        "sgd": lambda: optax.sgd(schedule, 0.5),
    }[name]()
    expected = optax.chain(optax.clip_by_global_norm(0.5), rule)
    optimizer = make_optimizer(config, STEPS)
    params = {"kernel": jnp.linspace(-1, 1, 6).reshape(2, 3), "bias": jnp.ones(3)}
    states = [optimizer.init(params), expected.init(params)]
    for step in range(4):
        gradient = jax.tree.map(lambda p, step=step: jnp.sin(p + step), params)
        found, states[0] = optimizer.update(gradient, states[0], params, learning_rate=0.1)
        wanted, states[1] = expected.update(gradient, states[1], params)
        jax.tree.map(np.testing.assert_array_equal, found, wanted)
        params = optax.apply_updates(params, found)
