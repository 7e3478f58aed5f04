"""Preparation: what it counts, and that nobody ever reads half of it."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqjax.data.arrays import Split
from seqjax.data.dataset import Dataset
from seqjax.data.facts import DataFacts
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
ROWS = [(f"word{n % 7} and {'more ' * (n % 5)}", "odd" if n % 2 else "even") for n in range(40)]


@pytest.fixture
def config(tmp_path) -> LabelledTextConfig:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    test.write_text("text,label\nword1 unheard,odd\n,even\n")
    return LabelledTextConfig(
        source="files", train=str(train), valid=str(train), test=str(test), max_length=4
    )


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def assert_same(first: Dataset, second: Dataset) -> None:
    assert first.facts == second.facts
    for name, split in first.splits.items():
        tokens, again = split.columns["tokens"], second.splits[name].columns["tokens"]
        np.testing.assert_array_equal(tokens.values, again.values)
        np.testing.assert_array_equal(tokens.offsets, again.offsets)
        np.testing.assert_array_equal(split.columns["label"], second.splits[name].columns["label"])


def folders(cache: Path) -> list[Path]:
    return [path for path in (cache / "prepared").iterdir() if path.is_dir()]


def test_texts_become_tokens_labels_and_facts(config, cache):
    prepared = prepare(config, cache)
    train = prepared.splits["train"].columns
    for row, (text, label) in enumerate(ROWS):
        words = text.split()
        kept = words if len(words) <= 4 else words[:1] + words[-3:]
        assert prepared.tokenizer.decode(train["tokens"][row]).split() == kept
        assert prepared.facts.labels[train["label"][row]] == label
    assert train["tokens"].values.dtype == train["label"].dtype == np.int32
    # The vocabulary is the training split's: "unheard" and the empty text are unknown.
    assert prepared.splits["test"].columns["tokens"].values.tolist()[1:] == [1, 1]

    facts = prepared.facts
    assert facts.labels == ("even", "odd")
    assert facts.vocabulary_size == prepared.tokenizer.vocabulary_size == 4 + 7 + 2
    assert facts.boundaries == {"tokens": (8,)}
    lengths = [len(text.split()) for text, _ in ROWS]
    assert facts.splits["train"].rows == 40
    assert facts.splits["train"].rows_of_label == (20, 20)
    assert facts.splits["train"].longest == max(lengths) == 6
    assert facts.splits["train"].mean_length == pytest.approx(np.mean(lengths))
    assert facts.splits["train"].cut == pytest.approx(np.mean([n > 4 for n in lengths]))
    assert facts.splits["train"].unknown == 0
    assert facts.splits["test"].unknown == pytest.approx(2 / 3)


def test_longer_texts_to_come_have_their_padded_lengths(config, cache):
    facts = prepare(dataclasses.replace(config, max_length=50), cache).facts
    assert facts.boundaries == {"tokens": (8, 16, 32, 50)}


def test_facts_go_round_and_damage_is_told(config, cache):
    facts = dataclasses.replace(prepare(config, cache).facts, notes=("A note é.",))
    text = facts.to_json()
    assert DataFacts.from_json(text) == facts
    fields = json.loads(text)
    for damaged, said in (
        (text[:-9], "data.json is damaged"),
        ("[]", "data.json is damaged"),
        (json.dumps({name: value for name, value in fields.items() if name != "labels"}), "labels"),
        (json.dumps(fields | {"more": 1}), "more"),
        (json.dumps(fields | {"vocabulary_size": "9"}), "vocabulary_size"),
        (text.replace('"rows": 40', '"rows": 41'), "splits.train.rows"),
    ):
        with pytest.raises(UserError, match=said):
            DataFacts.from_json(damaged)


def test_texts_are_tokenized_once(config, cache, monkeypatch):
    first = prepare(config, cache)
    monkeypatch.setattr(LabelledTextConfig, "make", None)
    assert_same(prepare(config, cache), first)


@pytest.mark.parametrize(
    "change",
    [
        {"lowercase": False},
        {"tokenizer": "character"},
        {"vocabulary_size": 10},
        {"max_length": 5},
        {"buckets": 2},
        {"valid": ""},
        {"split_seed": 1},
    ],
)
def test_another_setting_is_another_cache(config, cache, change):
    prepare(config, cache)
    prepare(dataclasses.replace(config, **change), cache)
    assert len(folders(cache)) == 2


def test_a_changed_file_is_read_again_and_a_moved_one_is_not(config, cache, tmp_path, monkeypatch):
    prepare(config, cache)
    moved = tmp_path / "moved.csv"
    Path(config.test).rename(moved)
    config = dataclasses.replace(config, test=str(moved))
    with monkeypatch.context() as patch:
        patch.setattr(LabelledTextConfig, "make", None)
        prepare(config, cache)
    moved.write_text("text,label\nword2 word3,odd\n")
    assert prepare(config, cache).facts.splits["test"].rows == 1


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "digests"])
def test_a_damaged_cache_is_made_again(config, cache, damage):
    whole = prepare(config, cache)
    (folder,) = folders(cache)
    path = folder / ("digests.json" if damage == "digests" else "train/tokens.values.npy")
    if damage == "remove":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.unlink()  # `whole` still maps the old file
        path.write_bytes(content[: len(content) // 2] if damage == "shorten" else content)
    again = prepare(config, cache)
    assert_same(again, whole)
    assert any("was damaged" in note for note in again.notes)
    assert prepare(config, cache).notes == whole.notes


PREPARE = """
import sys, time
from pathlib import Path
from seqjax.data import tokenizers
from seqjax.data.arrays import Split
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.prepare import prepare

config, cache, behaviour = eval(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
save, train = Split.save, tokenizers.train

def stop_midway(self, folder):
    save(self, folder)
    print("midway", flush=True)
    time.sleep(600)

def train_slowly(texts, config):
    print("trained", flush=True)
    time.sleep(1)
    return train(texts, config)

if behaviour == "stop":
    Split.save = stop_midway
tokenizers.train = train_slowly
print(prepare(config, cache).facts.to_json())
"""


def start(config: LabelledTextConfig, cache: Path, behaviour: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, repr(config), str(cache), behaviour],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_several_processes_one_prepares(config, cache):
    processes = [start(config, cache, "go") for _ in range(3)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(output.count("trained") for output in outputs) == [0, 0, 1]
    assert len({output.replace("trained\n", "") for output in outputs}) == 1
    facts = outputs[0].replace("trained\n", "")
    assert DataFacts.from_json(facts) == prepare(config, cache).facts


def test_a_killed_preparation_is_made_again(config, cache, tmp_path):
    process = start(config, cache, "stop")
    while process.stdout.readline().strip() != "midway":
        assert process.poll() is None
    waiting = start(config, cache, "go")
    assert len(folders(cache)) == 1  # half of it
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    output, _ = waiting.communicate(timeout=120)
    assert waiting.returncode == 0
    assert output.count("trained") == 1
    (folder,) = folders(cache)
    assert not folder.name.endswith(".incomplete")
    assert_same(prepare(config, cache), prepare(config, tmp_path / "another cache"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "no space left on its disk"),
        (OSError("14094 requested and 6112 written"), "no space left on its disk"),  # NumPy
        (RuntimeError("write() failed: No space left on device"), "no space"),  # array_record
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "no space left in its quota"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "must not be written"),
    ],
)
def test_a_full_disk_is_told_and_leaves_nothing(config, cache, monkeypatch, error, said):
    save = Split.save

    def save_half(self, folder):
        save(self, folder)
        raise error

    monkeypatch.setattr(Split, "save", save_half)
    with pytest.raises(UserError, match=said) as told:
        prepare(config, cache)
    assert str(cache) in str(told.value)
    assert "SEQJAX_CACHE" in str(told.value)
    assert folders(cache) == []


def test_a_cache_that_is_a_file_is_told(config, tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        prepare(config, tmp_path / "train.csv")


def test_other_errors_keep_their_traceback(config, cache, monkeypatch):
    monkeypatch.setattr(
        LabelledTextConfig, "make", lambda *_: (_ for _ in ()).throw(OSError(5, "broken"))
    )
    with pytest.raises(OSError, match="broken"):
        prepare(config, cache)


def test_a_bad_file_leaves_nothing(config, cache):
    Path(config.test).write_text("text,label\na,odd,c\n")
    with pytest.raises(UserError, match="line 2"):
        prepare(config, cache)
    assert folders(cache) == []


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQJAX_CACHE", str(tmp_path / "mine"))
    assert default_cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("SEQJAX_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "seqjax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / ".cache" / "seqjax"


def test_the_data_layer_imports_no_device_code():
    script = (
        "import sys; from seqjax.data import loader, prepare, sources, tokenizers;"
        "assert not {'jax', 'flax', 'grain', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
