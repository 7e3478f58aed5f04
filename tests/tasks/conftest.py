"""Tasks stand on models and operations that have tests of their own."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def quickly(compiled_quickly):
    with compiled_quickly():
        yield
