"""Sixty cases of the certificates experiment, compiled without the passes that take long."""

from dataclasses import replace

import pytest

from experiments.certificates.cases import compared, holds
from experiments.certificates.run import SETTINGS, summarised

QUICK = {"xla_backend_optimization_level": 0}


@pytest.mark.parametrize("name", ["rnn, chunks", "gru", "lstm, diagonal", "paragru", "paralstm"])
def test_every_result_is_certified_or_the_sequential_one(name):
    setting = replace(SETTINGS[name], time=24, width=4)
    rows = list(compared(setting, 12, 0, QUICK))
    assert sum(row["exponent"] > 0 for row in rows) == 3
    assert all(map(holds, rows))
    # Else Newton's method would not have been tested.
    assert any(row["certified"] and not row["gradient_is_sequential"] for row in rows)
    assert summarised(rows)["hold"] == 12
