"""Every operation compiles for a TPU in value and gradient; the compiler needs no TPU."""

import importlib.util

import jax
import pytest

from experiments.tpu_compile.cases import SMALL, cases
from seqjax.planning.topology import describe_slice

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="the TPU compiler, libtpu, is not installed"
)


@pytest.fixture(scope="module")
def device():
    """A chip that is described, not there."""
    before = jax.config.jax_platforms
    yield describe_slice("v5e:2x2").devices[0]
    jax.config.update("jax_platforms", before)


@pytest.mark.parametrize("case", cases(SMALL), ids=lambda case: case.name)
def test_it_compiles(case, device):
    assert case.compiled(device).memory_analysis().generated_code_size_in_bytes > 0
