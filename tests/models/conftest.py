"""Models stand on operations that are tested as they are compiled for users."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def all_quickly(quickly):
    """As `quickly`, in every module."""
