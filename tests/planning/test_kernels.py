"""Kernels' cycles, from what the TPU compiler has scheduled; it needs no TPU."""

import importlib.util

import jax
import jax.numpy as jnp
import pytest

from seqjax.ops.attention_kernel import kernel_attention
from seqjax.planning.kernels import forget_schedules, kernel_cycles
from seqjax.planning.topology import describe_slice

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="the TPU compiler, libtpu, is not installed"
)


@pytest.fixture(scope="module", autouse=True)
def on_this_platform():
    before = jax.config.jax_platforms
    with jax.default_matmul_precision("default"):  # the kernel's own, in bfloat16
        yield
    jax.config.update("jax_platforms", before)


def cycles(topology, batch, calls=1, unroll=1):
    """Those of `calls` forward passes of attention, one after another."""
    where = describe_slice(topology)
    place = jax.sharding.SingleDeviceSharding(where.devices[0])
    x = jax.ShapeDtypeStruct((batch, 256, 2, 128), jnp.bfloat16)

    def attend(x):
        step = lambda x, _: (kernel_attention(x, x, x, causal=True), None)  # noqa: E731
        return jax.lax.scan(step, x, length=calls, unroll=unroll)[0]

    forget_schedules()
    compiled = jax.jit(attend, in_shardings=place, out_shardings=place).lower(x).compile()
    return kernel_cycles(compiled.as_text(), where.chip.cores)


def test_cycles_grow_with_the_grid_and_the_calls_and_are_shared_by_cores():
    once = cycles("v5e:2x2", 2)
    # Two products of 256 x 256 x 128 for each of 2 rows and 2 heads, on 4 units of 128 x 128.
    assert once > 2 * 2 * 2 * 256 * 256 * 128 / (4 * 128 * 128)
    assert cycles("v5e:2x2", 6, calls=5) == 15 * once
    assert cycles("v5e:2x2", 2, calls=4, unroll=4) == 4 * once  # four kernels, scheduled as one
    assert cycles("v5p:2x2x1", 4) < 1.2 * once


def test_a_program_without_kernels_has_no_cycles_of_them():
    text = jax.jit(jnp.sin).lower(jnp.ones(4)).compile().as_text()
    assert kernel_cycles(text, 1) == 0
