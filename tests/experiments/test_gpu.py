"""The contests for a GPU, at sizes for any machine: whether those that take part agree."""

import pytest

from experiments.gpu.contests import bandwidth, lstm
from experiments.gpu.run import rows


@pytest.mark.parametrize("contest", [bandwidth, lstm])
def test_contenders_agree(contest):
    measured = list(rows(contest(time=12, batch=2, width=4)))
    compared = [row for row in measured if "agrees" in row]
    assert len(compared) >= 2
    assert all(row["agrees"] for row in compared)
    assert all(row["milliseconds"] > 0 for row in measured)
