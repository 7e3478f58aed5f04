"""What is computed again changes the work and the memory, and no number."""

from dataclasses import replace

import jax
import numpy as np

from seqjax import models
from seqjax.models import ModelConfig

CONFIG = ModelConfig(
    vocabulary_size=11,
    outputs=11,
    embedding_size=16,
    width=16,
    heads=2,
    pattern=("attention",) * 2,
    norm="pre",
    residual=True,
    feed_forward="two_layer",
    feed_forward_size=64,
    pool="none",
)
TOKENS = jax.random.randint(jax.random.key(0), (2, 8), 0, 11)


def test_gradients_are_the_same_and_the_work_is_more():
    params, _ = models.init(CONFIG, jax.random.key(1))

    def gradient(remat):
        def loss(params):
            return (models.apply(replace(CONFIG, remat=remat), params, TOKENS)[0] ** 2).sum()

        lowered = jax.jit(jax.grad(loss)).lower(params)
        return lowered.compile()(params), lowered.cost_analysis()["flops"]

    none, elementwise, block = (gradient(remat) for remat in ("none", "elementwise", "block"))
    for other, _ in (elementwise, block):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), other, none[0])
    assert none[1] < elementwise[1] < block[1]


def test_a_model_without_biases_has_them_in_norms_alone():
    shapes, _ = models.abstract(replace(CONFIG, bias=False))
    biases = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree.leaves_with_path(shapes)
        if path[-1].key == "bias"
    ]
    assert biases and all("norm" in path for path in biases)
