"""What the tests of training share."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def all_quickly(quickly):
    """As `quickly`, in every module."""


def pytest_configure(config):
    # What Orbax was reading when a damaged file stopped it stays behind, and complains whenever it
    # happens to be collected.
    about = r"Exception ignored in[\s\S]*(_read_array_index|Event loop is closed)"
    config.addinivalue_line(
        "filterwarnings", f"ignore:{about}:pytest.PytestUnraisableExceptionWarning"
    )
