"""Of a model and length that were measured twice, the table shows the newer row."""

import json

from experiments.peers.table import table


def row(model, milliseconds):
    times = {
        name: {"milliseconds": milliseconds, "gflops_per_second": 9.0}
        for name in ("seqjax", "products", "torch")
    }
    return {"model": model, "time": 64, "ratio": 1.0, "fastest_peer": "torch", **times}


def test_newest_rows_in_the_order_of_the_models(tmp_path):
    results = tmp_path / "rows.jsonl"
    rows = [row("lstm", 3.0), row("rnn", 2.0), row("lstm", 4.0)]
    results.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    _, _, first, second = table(results)
    assert first.startswith("| `rnn` | 64 | 2.0 |")
    assert second.startswith("| `lstm` | 64 | 4.0 |")
