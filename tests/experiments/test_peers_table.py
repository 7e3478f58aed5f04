"""The table shows the newer of two rows, and a trace tells what is in a loop from what is not."""

import json
from collections import Counter

import jax
import jax.numpy as jnp

from experiments.peers.profile import parts_of
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


def test_products_in_a_loop_are_told_from_those_outside():
    def program(x, weight):
        h, _ = jax.lax.scan(lambda h, _: (jnp.tanh(h @ weight), None), x, None, length=9)
        return h @ weight.T @ x

    matrix = jnp.ones((32, 32))
    parts = Counter(parts_of(jax.jit(program).lower(matrix, matrix).compile().as_text()).values())
    assert parts["loop"] == parts["loop: products"] == 1
    assert parts["products"] == 2 and parts["the rest"] and not parts["exchange"]
