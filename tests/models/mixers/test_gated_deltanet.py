"""Gated DeltaNet against the paper's equations, step by step."""

import jax
import jax.numpy as jnp
import numpy as np

from seqjax.models.config import ModelConfig
from seqjax.models.mixers import make_mixer
from seqjax.models.mixers.gated_deltanet import unit_length


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def gated_deltanet(params, x):
    w = params["convolution/kernel"]
    rate = np.exp(params["decay/log_rate"])
    # The paper's state, from keys to values: S k.
    S, inputs, outputs = np.zeros((2, 4, 3)), [np.zeros(6 + 6 + 8)] * 2, []
    for x_t in x:
        inputs.append(
            np.concatenate([x_t @ params[f"{name}/kernel"] for name in ("query", "key", "value")])
        )
        mixed = w[0] * inputs[-1] + w[1] * inputs[-2] + w[2] * inputs[-3]
        mixed = silu(mixed + params["convolution/bias"])
        q, k, v = mixed[:6].reshape(2, 3), mixed[6:12].reshape(2, 3), mixed[12:].reshape(2, 4)
        step = np.log1p(np.exp(x_t @ params["decay/step/kernel"] + params["decay/step_bias"]))
        alpha = np.exp(-rate * step)
        beta = 2 * sigmoid(x_t @ params["beta/kernel"])
        y = np.zeros((2, 4))
        for head in range(2):
            key = k[head] / np.sqrt(np.sum(k[head] ** 2) + 1e-6)
            query = q[head] / np.sqrt(np.sum(q[head] ** 2) + 1e-6)
            erase = alpha[head] * (np.eye(3) - beta[head] * np.outer(key, key))
            S[head] = S[head] @ erase + beta[head] * np.outer(v[head], key)
            o = S[head] @ query
            y[head] = o / np.sqrt(np.mean(o**2) + 1e-5) * params["output_norm/scale"]
        outputs.append((y.reshape(8) * silu(x_t @ params["gate/kernel"])) @ params["output/kernel"])
    return outputs


def test_gated_deltanet(run):
    found = run("gated_deltanet")
    found.check(gated_deltanet)
    assert found.carry.state.dtype == "float32"


def test_chunks_and_steps_give_the_block_the_same_outputs(run):
    chunked, sequential = (
        run("gated_deltanet", matrix_recurrence=method).y for method in ("chunked", "sequential")
    )
    np.testing.assert_allclose(chunked, sequential, rtol=1e-5, atol=1e-5)


def test_unit_length_of_zeros_is_zeros():
    x = jnp.array([[[[0.0, 0.0], [3.0, 4.0]]]])
    np.testing.assert_allclose(unit_length(x)[0, 0], [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_weights_written_down_follow_parity_over_a_thousand_steps():
    """An eigenvalue of -1 (β = 2 where the bit is 1) flips the state between 0 and 2 v."""
    sizes = dict.fromkeys(("width", "heads", "inner_size", "state_size"), 1)
    config = ModelConfig(pattern=("gated_deltanet",), convolution_size=2, **sizes)
    constant, bit = np.array([[1.0], [0.0]], "float32"), np.array([[0.0], [1.0]], "float32")
    none = 40 * np.ones(1, "float32")
    params = {
        "gate": {"kernel": constant},
        # Long, beside the ε of the scaling to length 1, and a power of 2: every sum is exact.
        **{name: {"kernel": 1_024 * constant} for name in ("query", "key", "value")},
        "convolution": {"kernel": np.array([[1.0] * 3, [0.0] * 3], "float32"), "bias": np.zeros(3)},
        "beta": {"kernel": 80 * bit - 40 * constant},
        "decay": {"step": {"kernel": 0 * bit}, "step_bias": -none, "log_rate": 0 * none},
        "output_norm": {"scale": np.ones(1, "float32")},
        "output": {"kernel": np.ones((1, 1), "float32")},
    }
    mixer = make_mixer("gated_deltanet", config)
    bits = np.random.default_rng(0).integers(0, 2, (4, 1_000))
    x = np.stack([np.ones_like(bits), bits], axis=-1).astype("float32")
    y, _ = jax.jit(mixer.apply)({"params": params}, x)
    odd = np.cumsum(bits, axis=1) % 2 == 1
    np.testing.assert_allclose(y[..., 0], np.where(odd, silu(1.0), 0), atol=1e-3)
