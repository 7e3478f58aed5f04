"""Tasks stand on models and operations that have tests of their own."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def all_quickly(quickly):
    """As `quickly`, in every module."""
