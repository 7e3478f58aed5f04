import io
import sys

import pytest
from rich.console import Console

from seqjax.benchmarking import article
from seqjax.benchmarking.results import Results
from seqjax.errors import UserError

# A contender that trains nothing, but knows how long a step of it takes.
PROGRAM = """
import sys, time
from seqjax.benchmarking.conversation import answer_requests

name = __file__.rsplit("/", 1)[-1].removesuffix("_peer.py")
answers = {"seqjax": {"parameters": 3}, "products": {"flops": 8e6}}
seconds = {"seqjax": 0.002, "products": 0.001, "torch": 0.004, "keras": 0.02, "flax": 0.02}
answer_requests(lambda settings: (answers.get(name, {}), lambda: time.sleep(seconds[name])))
"""


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Puts stand-ins in the places of the contenders."""
    for name in (*article.OWN, *article.PEERS):
        (tmp_path / f"{name}_peer.py").write_text(PROGRAM)
    monkeypatch.setattr(article, "ROOT", tmp_path)
    monkeypatch.setattr(article, "PROGRAMS", "{}_peer")
    monkeypatch.setattr(article, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(article, "SETTLING_SECONDS", 0.0)
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))


def measure(contenders, python=sys.executable):
    results = Results(None, {})
    console = Console(file=io.StringIO())
    items = [article.Article("lstm", 64)]
    return article.measure(items, contenders, python, 3, results, console)


def test_a_row_compares_with_the_fastest_peer(stand_ins):
    (row,) = measure((*article.OWN, *article.PEERS))
    assert row["fastest_peer"] == "torch"
    assert row["ratio"] == row["seqjax"]["milliseconds"] / row["torch"]["milliseconds"]
    assert row["products"]["gflops_per_second"] == pytest.approx(
        8e6 / row["products"]["milliseconds"] / 1e6
    )
    assert row["seqjax"]["parameters"] == 3 and row["keras"]["rounds"] == 3
    *_, line = article.table([row])
    assert line.startswith("| `lstm` | 64 |") and "× torch" in line


def test_without_peers_there_is_no_ratio(stand_ins):
    (row,) = measure(article.OWN)
    assert "ratio" not in row
    assert len(list(article.table([row]))) == 3


def test_a_peer_that_is_not_installed_is_told(stand_ins, tmp_path):
    (tmp_path / "torch_peer.py").write_text("import no_such_torch")
    with pytest.raises(UserError) as told:
        measure((*article.OWN, "torch"))
    for part in ("--peers: torch ended", "no_such_torch", "--peer_python", "`bench`"):
        assert part in str(told.value)


def test_the_items_are_those_of_the_article():
    items = article.items(None, ())
    assert {(item.model, item.time) for item in items} >= {
        ("rnn", 1024),
        ("lstm", 256),
        ("gru", 64),
        ("transformer", 512),
    }
    assert [item.time for item in article.items(["gru"], (8,))] == [8]
