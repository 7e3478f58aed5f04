"""Models stand on operations that are tested as they are compiled for users."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def quickly(compiled_quickly):
    with compiled_quickly():
        yield
