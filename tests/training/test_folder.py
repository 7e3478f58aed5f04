import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.tokenizers import train
from seqjax.errors import UserError
from seqjax.training.config import Config, TrainConfig
from seqjax.training.folder import RunFolder

CONFIG = Config(name="test", preset="rnn")
FACTS = DataFacts(
    "files",
    "abc",
    ("no", "yes"),
    5,
    {"tokens": (8,)},
    {"train": SplitFacts(2, (1, 1), 3, 3.0, 0, 0)},
    (),
)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


@pytest.fixture
def begun(folder):
    with folder.opened(CONFIG):
        folder.begin(CONFIG, FACTS, train(["a b"], LabelledTextConfig()), 0)
    return folder


def test_what_a_run_is_made_from_is_read_back(begun):
    assert begun.config() == CONFIG
    assert begun.facts() == FACTS
    assert begun.tokenizer.exists()
    assert begun.finished(CONFIG) is None


def test_a_finished_run_is_known_by_its_summary(begun):
    begun.write_summary({"steps": 3})
    assert begun.finished(CONFIG) == {"steps": 3}
    logged_otherwise = replace(CONFIG, train=TrainConfig(log_every=7))
    assert begun.finished(logged_otherwise) == {"steps": 3}
    longer = replace(CONFIG, train=TrainConfig(epochs=20))
    assert begun.finished(longer) is None
    with begun.opened(longer):
        begun.begin(longer, FACTS, train(["a b"], LabelledTextConfig()), 0)
    assert begun.finished(longer) is None  # killed here, it has not finished
    begun.write_summary({"steps": 6})
    assert begun.finished(longer) == {"steps": 6}
    with pytest.raises(UserError, match="seed=1 differs from 0"):
        begun.finished(replace(CONFIG, seed=1))


def test_another_run_is_refused_with_both_values(begun):
    other = replace(CONFIG, train=TrainConfig(batch_size=64))
    with pytest.raises(UserError) as raised, begun.opened(other):
        pass
    assert str(raised.value).startswith("train.batch_size=64 differs from 32, with which")
    assert begun.config() == CONFIG


def test_other_files_are_refused_and_left_alone(folder):
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("words")
    with pytest.raises(UserError, match="holds files but no run"), folder.opened(CONFIG):
        pass
    assert os.listdir(folder.path) == ["thesis.txt"]


def test_a_start_that_was_killed_at_once_is_no_foreign_folder(folder):
    folder.path.mkdir()
    (folder.path / ".config.json.123").write_text('{"na')
    (folder.path / ".lock").touch()
    with folder.opened(CONFIG):
        assert folder.config() == CONFIG


def test_only_one_process_at_a_time(begun):
    with (
        begun.opened(CONFIG),
        pytest.raises(UserError, match="in use by another process"),
        RunFolder(begun.path).opened(CONFIG),
    ):
        pass
    with begun.opened(CONFIG):
        pass


def test_a_path_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with (
            pytest.raises(UserError, match=r"cannot be written \(Not a directory\)"),
            RunFolder(path).opened(CONFIG),
        ):
            pass


def test_changed_data_is_refused(begun):
    begun.check_same_data(FACTS)
    with pytest.raises(UserError, match=r"data.source='files' has changed since"):
        begun.check_same_data(replace(FACTS, fingerprint="other"))


def test_data_that_are_read_in_another_way_now_are_refused(begun):
    begun.check_data_version(FACTS.version)
    with pytest.raises(UserError, match=r"as version 1 of data.source='files' does.*is now 2"):
        begun.check_same_data(replace(FACTS, version=2))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", None])
@pytest.mark.parametrize("name", ["config.json", "data.json", "summary.json"])
def test_damaged_files_are_one_sentence(begun, name, content):
    begun.write_summary({"steps": 3})
    path = begun.path / name
    path.unlink() if content is None else path.write_bytes(content)
    read = {
        "config.json": begun.config,
        "data.json": begun.facts,
        "summary.json": lambda: begun.finished(CONFIG),
    }[name]
    if name == "summary.json" and content is None:
        assert read() is None
        return
    with pytest.raises(UserError) as raised:
        read()
    assert name in str(raised.value) and "\n" not in str(raised.value)


@given(rows=st.lists(st.integers(1, 9)), step=st.integers(0, 10), cut=st.integers(0, 30))
def test_rows_after_the_step_and_a_row_cut_off_are_dropped(tmp_path_factory, rows, step, cut):
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    rows = [{"step": number, "loss": float(np.sin(number))} for number in sorted(rows)]
    for row in rows:
        folder.append_metrics(row)
    tokenizer = train(["a b"], LabelledTextConfig())
    metrics = folder.path / "metrics.jsonl"
    if rows:
        whole = metrics.read_bytes()
        last = len(json.dumps(rows[-1])) + 1
        metrics.write_bytes(whole[: len(whole) - min(cut, last)])
        rows = rows[: -1 if cut > 1 else None]
    folder.begin(CONFIG, FACTS, tokenizer, step)
    found = metrics.read_text().splitlines() if metrics.exists() else []
    assert list(map(json.loads, found)) == [row for row in rows if row["step"] <= step]
