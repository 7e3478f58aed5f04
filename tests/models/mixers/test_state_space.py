"""The Mamba-2 block against the paper's equations, step by step, and its first values."""

import jax
import jax.numpy as jnp
import numpy as np

from seqjax.models.mixers.step_decay import log_rate_init, step_bias_init


def silu(x):
    return x / (1 + np.exp(-x))


def mamba_2(params, x):
    w = params["convolution/kernel"]
    rate = np.exp(params["decay/log_rate"])
    S, inputs, outputs = np.zeros((2, 3, 4)), [np.zeros(8 + 3 + 3)] * 2, []
    for x_t in x:
        inputs.append(
            np.concatenate([x_t @ params["value/kernel"], x_t @ params["key_query/kernel"]])
        )
        mixed = w[0] * inputs[-1] + w[1] * inputs[-2] + w[2] * inputs[-3]
        mixed = silu(mixed + params["convolution/bias"])
        u, B, C = mixed[:8].reshape(2, 4), mixed[8:11], mixed[11:]
        step = np.log1p(np.exp(x_t @ params["decay/step/kernel"] + params["decay/step_bias"]))
        y = np.zeros((2, 4))
        for head in range(2):
            A = -rate[head]
            S[head] = np.exp(step[head] * A) * S[head] + np.outer(B, step[head] * u[head])
            y[head] = S[head].T @ C + params["skip"][head] * u[head]
        y = y.reshape(8) * silu(x_t @ params["gate/kernel"])
        y = y / np.sqrt(np.mean(y**2) + 1e-5) * params["output_norm/scale"]
        outputs.append(y @ params["output/kernel"])
    return outputs


def test_mamba_2(run):
    found = run("ssd")
    found.check(mamba_2)
    assert found.carry.state.dtype == "float32"


def test_chunks_and_steps_give_the_block_the_same_outputs(run):
    chunked, sequential = (
        run("ssd", matrix_recurrence=method).y for method in ("chunked", "sequential")
    )
    np.testing.assert_allclose(chunked, sequential, rtol=1e-5, atol=1e-5)


def test_steps_and_rates_start_in_their_ranges():
    bias = np.float64(step_bias_init(jax.random.key(0), (20_000,), jnp.float32))
    step = np.log10(np.log1p(np.exp(bias)))
    np.testing.assert_allclose(np.quantile(step, [0, 0.5, 1]), [-3, -2, -1], atol=0.05)
    rate = np.exp(log_rate_init(jax.random.key(1), (20_000,), jnp.float32))
    np.testing.assert_allclose(np.quantile(rate, [0, 0.5, 1]), [1, 8.5, 16], rtol=0.05)
