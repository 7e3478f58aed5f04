"""Sixty cases of the certificates experiment, of shapes that compile quickly."""

from dataclasses import replace

import pytest

from experiments.certificates.cases import compared, holds
from experiments.certificates.run import SETTINGS


@pytest.mark.parametrize("name", ["rnn in chunks", "gru", "lstm diagonal", "paragru", "paralstm"])
def test_every_result_is_certified_or_the_sequential_one(name):
    setting = replace(SETTINGS[name], time=24, width=4)
    rows = list(compared(setting, 12, 0))
    assert sum(row["exponent"] > 0 for row in rows) == 3
    assert all(map(holds, rows))
    # Else Newton's method would not have been tested.
    assert any(row["certified"] and not row["gradient_is_sequential"] for row in rows)
    assert len(rows) == 12
