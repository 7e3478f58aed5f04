"""The README is a promise: its examples run, and what it names is there."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

from seqjax import models
from seqjax.models.mixers import MIXERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_from_python_runs():
    (example,) = (text for text in EXAMPLES if "init_carry(config" in text)
    exec(example, {})


def test_the_example_of_a_mixer_keeps_the_contract_and_learns(monkeypatch):
    (example,) = (text for text in EXAMPLES if "class MovingAverage" in text)
    names = {}
    exec(example, names)
    monkeypatch.setitem(MIXERS, "moving_average", names["MovingAverage"])
    config = models.ModelConfig(
        vocabulary_size=7, outputs=2, width=8, pattern=("moving_average", "gru"), pool="none"
    )
    params, _ = models.init(config, jax.random.key(0))
    tokens = jax.random.randint(jax.random.key(1), (3, 10), 0, 7)
    mask = jax.random.bernoulli(jax.random.key(2), 0.8, tokens.shape)
    reset = jax.random.bernoulli(jax.random.key(3), 0.2, tokens.shape)
    apply = jax.jit(models.apply, static_argnums=0)
    whole, _ = apply(config, params, tokens, mask=mask, reset=reset)
    carry = models.init_carry(config, 3, 10)
    chunks = []
    for part in (slice(0, 4), slice(4, 5), slice(5, 10)):
        logits, carry = apply(
            config, params, tokens[:, part], carry, mask=mask[:, part], reset=reset[:, part]
        )
        chunks.append(logits)
    np.testing.assert_allclose(np.concatenate(chunks, axis=1), whole, atol=1e-5)
    gradient = jax.jit(jax.grad(lambda p: models.apply(config, p, tokens)[0].sum()))(params)
    kernel = gradient["segment_0"]["block_0"]["moving_average"]["input"]["kernel"]
    assert np.abs(kernel).max() > 0


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"(?:configs|experiments|seqjax|tests)/[\w/]+\.py", README)))
)
def test_every_file_it_names_exists(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(seqjax\.[\w.]+)`", README))))
def test_every_function_it_names_exists(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(__import__(module, fromlist=[attribute]), attribute)
