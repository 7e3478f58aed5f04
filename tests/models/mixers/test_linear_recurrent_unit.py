"""The LRU against the paper's equations, step by step, and its first values."""

import jax
import numpy as np

from seqjax.models import ModelConfig
from seqjax.models.mixers import make_mixer
from seqjax.models.mixers.linear_recurrent_unit import normalisation, phase_init, ring_init


def lru(params, x):
    eigenvalues = np.exp(-np.exp(params["nu"]) + 1j * np.exp(params["theta"]))
    real, imaginary = np.split(params["input/kernel"], 2, axis=1)
    B = (real + 1j * imaginary).T
    real, minus_imaginary = np.split(params["output/kernel"], 2)
    C = (real + 1j * minus_imaginary).T
    h, outputs = np.zeros(8, complex), []
    for x_t in x:
        h = eigenvalues * h + np.exp(params["gamma"]) * (B @ x_t)
        outputs.append((C @ h).real + x_t @ params["skip/kernel"])
    return outputs


def test_lru(run):
    found = run("lru")
    found.check(lru)
    assert [leaf.dtype for leaf in found.carry] == ["float32", "float32"]


def test_eigenvalues_start_uniformly_on_the_ring():
    nu = ring_init(jax.random.key(0), (20_000,))
    radius = np.exp(-np.exp(nu))
    assert 0.9 <= radius.min() < 0.901
    assert 0.998 < radius.max() <= 0.999
    # Uniform in area: the square is uniform.
    share = (radius**2 - 0.9**2) / (0.999**2 - 0.9**2)
    np.testing.assert_allclose(np.quantile(share, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)
    np.testing.assert_allclose(np.exp(normalisation(nu)), np.sqrt(1 - radius**2), rtol=1e-3)
    angle = np.exp(phase_init(jax.random.key(1), (20_000,)))
    np.testing.assert_allclose(
        np.quantile(angle / (2 * np.pi), [0, 0.5, 1]), [0, 0.5, 1], atol=0.02
    )


def test_eigenvalues_may_start_out_to_remember_for_up_to_so_many_steps():
    config = ModelConfig(pattern=("lru",), inner_size=20_000, chrono_length=100)
    params = make_mixer("lru", config).init(jax.random.key(0), np.zeros((1, 1, 2), np.float32))
    nu = np.float64(params["params"]["nu"].value)
    # A gate |λ| that stays open this far forgets over 1 / (1 - |λ|) steps.
    steps = 1 / (1 - np.exp(-np.exp(nu)))
    np.testing.assert_allclose(np.quantile(steps, [0, 0.5, 1]), [2, 51, 100], rtol=0.02)
