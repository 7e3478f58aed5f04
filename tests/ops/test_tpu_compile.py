"""Every operation compiles for a TPU in value and gradient; the compiler needs no TPU."""

import importlib.util
import re

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


# Newton's method takes up to a minute for a cell with gates: see experiments/tpu_compile.
QUICK = [case for case in cases(SMALL) if not re.search("newton.*-.*(gru|lstm)", case.name)]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_it_compiles(case, device):
    with jax.default_matmul_precision("default"):  # as users compile it, not as tests do
        compiled = case.compiled(device)
    assert compiled.memory_analysis().generated_code_size_in_bytes > 0
