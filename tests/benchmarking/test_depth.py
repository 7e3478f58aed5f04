import io
from dataclasses import replace

import numpy as np
from rich.console import Console

from seqjax.benchmarking import depth
from seqjax.benchmarking.results import Results

LENGTH = 128


def test_each_form_has_its_own_order_of_depth():
    forms = [
        replace(form, length=LENGTH, width=2) for form in depth.FORMS if form.recurrence != "gru"
    ]
    forms = [replace(form, chunk_size=32) if form.chunk_size else form for form in forms]
    output = io.StringIO()
    rows = depth.measure(Results(None, {}), Console(file=output), forms)
    facts = {(row["recurrence"], row["form"]): row for row in rows}
    assert facts["linear", "sequential"]["loop_steps"] == LENGTH
    assert facts["linear", "associative"]["loop_steps"] == 0
    assert 2 * np.sqrt(LENGTH) < facts["linear", "chunked"]["loop_steps"] < 6 * np.sqrt(LENGTH)
    assert facts["paragru", "sequential"]["loop_steps"] == LENGTH
    whole, chunks = facts["paragru", "newton"], facts["paragru", "newton in chunks"]
    assert whole["certified"] and chunks["certified"]
    # Its loop runs once less than linear recurrences are solved, in every chunk.
    assert whole["loop_steps"] == whole["iterations"] - 1 < 16
    assert whole["loops_of_unknown_length"] == chunks["loops_of_unknown_length"] == 1
    assert whole["arithmetic_depth"] < chunks["arithmetic_depth"]
    depth.show(Console(file=output, width=200), rows)
    assert "newton in chunks" in output.getvalue()
