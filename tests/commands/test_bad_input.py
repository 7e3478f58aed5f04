"""What a user can get wrong: one sentence, exit status 2, nothing half-written."""

import errno
import json
import os
import shutil

import jax
import pytest

from seqjax.command_line import disk_is_full, memory_is_full
from seqjax.training.folder import RunFolder

CONFIG = ("--config", "configs/sentiment.py:rnn")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), ("--config is missing", "--config configs/sentiment.py:rnn")),
        (("--config",), ("--config=", "configs/sentiment.py")),
        (("--config", "configs/sentimen.py:rnn"), ("configs/sentimen.py", "configs/sentiment.py?")),
        (("--config=configs"), ("--config=configs", "did you mean configs/")),
        (("--config", "pyproject.toml"), ("pyproject.toml", "get_config(preset)")),
        (("--config", "configs/sentiment.py:rrnn"), ("'rrnn'", "did you mean 'rnn'?")),
        (("--config", "configs/sentiment.py:rnn,size=huge"), ("huge", "tiny")),
        (("--config", "configs/sentiment.py:rnn,widht=3"), ("'widht'", "model.width?")),
        (("--config", "configs/sentiment.py:rnn,width=a"), ("model.width=a",)),
        (("--config", "configs/sentiment.py:rnn,width"), ("'width'", "width=VALUE")),
        (("--config.seed=1", *CONFIG), ("--config.seed=1 must come after --config",)),
        ((*CONFIG, "--config.model.widht=3"), ("'model.widht'", "model.width?")),
        ((*CONFIG, "--noconfig.model.residul"), ("'model.residul'", "model.residual?")),
        ((*CONFIG, "--config.model=3"), ("There is no configuration key 'model'",)),
        ((*CONFIG, "--config.seed=one"), ("seed=one must be a whole number.",)),
        ((*CONFIG, "--config.train.steps=2.5"), ("train.steps=2.5 must be a whole number.",)),
        ((*CONFIG, "--config.optimizer.beta1=x"), ("beta1=x must be a finite number.",)),
        ((*CONFIG, "--config.model.residual=maybe"), ("residual=maybe must be True or False.",)),
        ((*CONFIG, "--config.model.pattern=(1,"), ("model.pattern=(1, must be a tuple",)),
        ((*CONFIG, "--config.model.pattern=(1,2)"), ("model.pattern[0]=1 must be text.",)),
        ((*CONFIG, "--config.model.pattern=lstn"), ("lstn", "lstm")),
        ((*CONFIG, "--config.train.batch_size=0"), ("batch_size=0 must be at least 1.",)),
        ((*CONFIG, "--config.data.source=file"), ("data.source='file'", "files")),
        ((*CONFIG, "--config.task=clasification"), ("task='clasification'", "'classification'?")),
        ((*CONFIG, "--wordkir=runs"), ("There is no flag --wordkir", "--workdir?")),
        ((*CONFIG, "runs"), ("'runs' is not understood",)),
    ],
)
def test_wrong_flags(command, tmp_path, monkeypatch, typed, said):
    monkeypatch.setenv("SEQJAX_CACHE", str(tmp_path / "cache"))
    typed = (typed,) if isinstance(typed, str) else typed
    command("train", *typed, f"--workdir={tmp_path / 'run'}").assert_refused("train: ", *said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data__train": "gone.csv"}, "data.train='gone.csv' is not a readable file"),
        ({"data__text_column": "txt"}, "data.text_column='txt'"),
        ({"mesh__data": 3}, "mesh.data=3"),
        ({"train__batch_size": 12}, "train.batch_size=12 cannot be dealt out"),
        ({"train__accumulate": 2}, "train.batch_size / train.accumulate=4 cannot be dealt out"),
        ({"train__profile": "(17,20)"}, "train.profile=(17, 20) begins after the last step, 16"),
        ({"mesh__data": 1, "mesh__tensor": 8, "train__batch_size": 9}, "8 devices along tensor"),
        ({"model__heads": 3, "model__pattern": "attention"}, "model.heads=3"),
        ({"model__vocabulary_size": 7}, "model.vocabulary_size=7 does not agree with the data"),
    ],
)
def test_settings_that_do_not_fit(command, flags, tmp_path, settings, said):
    typed = flags("rnn", **settings)
    command("train", *typed, f"--workdir={tmp_path / 'run'}").assert_refused("train: ", said)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_for_this_run(command, flags, copied_run, tmp_path):
    before = {path: path.stat() for path in copied_run.rglob("*")}
    (copied_run / "summary.json").touch()
    for settings, said in (
        ({"model__width": 16}, "model.width=16 differs from 8"),
        ({"train__batch_size": 16}, "train.batch_size=16 differs from 8"),
        ({"seed": 1}, "seed=1 differs from 0"),
    ):
        typed = flags("rnn", **settings)
        command("train", *typed, f"--workdir={copied_run}").assert_refused(said, copied_run)
    assert {path: path.stat().st_size for path in copied_run.rglob("*")} == {
        path: stat.st_size for path, stat in before.items()
    }
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    command("train", *flags("rnn"), f"--workdir={tmp_path / 'other'}").assert_refused(
        "holds files but no run"
    )
    assert os.listdir(tmp_path / "other") == ["thesis.txt"]


def test_changed_data(command, flags, copied_run, reviews, tmp_path):
    (copied_run / "summary.json").unlink()
    saved = json.loads((copied_run / "config.json").read_text())
    other = tmp_path / "train.csv"
    other.write_text(reviews["train"].read_text() + "a good film,fresh\n")
    saved["data"]["train"] = str(other)
    (copied_run / "config.json").write_text(json.dumps(saved))
    typed = flags("rnn", data__train=other)
    command("train", *typed, f"--workdir={copied_run}").assert_refused("has changed since")


def test_no_checkpoint_can_be_read(command, flags, copied_run):
    (copied_run / "summary.json").unlink()
    for path in copied_run.glob("checkpoints/*/progress/metadata"):
        path.write_text("{}")
    said = "None of the checkpoints in"
    outcome = command("train", *flags("rnn"), f"--workdir={copied_run}")
    assert outcome.status == 2 and outcome.err.splitlines()[-1].startswith(f"train: {said}")
    command("evaluate", f"--workdir={copied_run}").assert_refused(f"evaluate: {said}")
    assert len(list(copied_run.glob("checkpoints/*/progress/metadata"))) == 2


def test_a_loss_that_is_not_finite(command, flags, tmp_path):
    # Updates are finite and far too large, until a loss is not finite any more.
    settings = {
        "optimizer__name": "sgd",
        "optimizer__learning_rate": 1e38,
        "train__checkpoint_every": 1,
    }
    outcome = command("train", *flags("bag", **settings), f"--workdir={tmp_path / 'run'}")
    assert outcome.status == 2
    last = outcome.err.splitlines()[-1]
    assert last.startswith("train: The ") and "is not finite" in last and "is kept" in last
    bad = int(last.split("step ")[1].split()[0])
    kept = {int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert kept and max(kept) < bad
    assert not (tmp_path / "run" / "summary.json").exists()
    again = command("train", *flags("bag", **settings), f"--workdir={tmp_path / 'run'}")
    assert again.err.splitlines()[-1] == last


def test_an_update_that_is_not_finite(command, flags, tmp_path):
    # Adam without its epsilon divides 0 by 0 for the words that a batch lacks.
    outcome = command(
        "train",
        *flags("bag", optimizer__epsilon=0.0, train__checkpoint_every=1),
        f"--workdir={tmp_path / 'run'}",
    )
    assert outcome.status == 2
    assert "The parameters after step 1 are not finite; no checkpoint was due" in outcome.err
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("moment", ["append_metrics", "write_summary"])
def test_a_full_disk(command, flags, tmp_path, monkeypatch, moment):
    typed = (*flags("bag", train__epochs=1), f"--workdir={tmp_path / 'run'}")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, moment, full)
        outcome = command("train", *typed)
    assert outcome.status == 2
    assert outcome.err.splitlines()[-1].startswith("train: The disk is full: free some space")
    assert not (tmp_path / "run" / "summary.json").exists()
    assert command("train", *typed).json["steps"] == 8


def test_a_disk_that_is_too_full_for_a_checkpoint(command, flags, copied_run, monkeypatch):
    before = sorted((copied_run / "checkpoints").rglob("*"))
    full = shutil.disk_usage(copied_run)._replace(free=100)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: full)
        outcome = command("train", *flags("rnn", train__epochs=3), f"--workdir={copied_run}")
    assert outcome.status == 2
    last = outcome.err.splitlines()[-1]
    assert last.startswith(f"train: The disk of {copied_run / 'checkpoints'} is full: a checkpoint")
    assert sorted((copied_run / "checkpoints").rglob("*")) == before
    longer = command("train", *flags("rnn", train__epochs=3), f"--workdir={copied_run}")
    assert longer.json["steps"] == 24


def test_the_reason_is_found_behind_other_errors():
    def raised(error, cause=None):
        try:
            raise error from cause
        except Exception as found:
            return found

    no_space = OSError(errno.ENOSPC, "x")
    assert disk_is_full(no_space)
    assert disk_is_full(raised(ValueError("y"), cause=no_space))
    assert disk_is_full(ValueError("INTERNAL: write failed: No space left on device [os=28]"))
    assert disk_is_full(OSError(errno.EDQUOT, "x")) and disk_is_full(OSError(errno.EFBIG, "x"))
    assert not disk_is_full(OSError(errno.ENOENT, "x"))
    assert not disk_is_full(raised(ValueError("y"), cause=KeyError("z")))


def test_a_device_without_room_is_told_from_other_errors():
    assert memory_is_full(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    assert not memory_is_full(jax.errors.JaxRuntimeError("INTERNAL: something else"))
    assert not memory_is_full(ValueError("RESOURCE_EXHAUSTED"))


def test_a_mistake_in_the_program_keeps_its_traceback(command, flags, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(RunFolder, "begin", broken)
    with pytest.raises(ZeroDivisionError):
        command("train", *flags("bag"), f"--workdir={tmp_path / 'run'}")


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_a_folder_without_a_trained_run(command, copied_run, tmp_path, name):
    command(name).assert_refused(f"{name}: --workdir is missing")
    gone = tmp_path / "gone"
    command(name, f"--workdir={gone}").assert_refused(f"workdir={gone}", "config.json")
    assert not gone.exists()
    (copied_run / "tokenizer.json").write_text("{")
    command(name, f"--workdir={copied_run}").assert_refused("tokenizer.json")
    (copied_run / "data.json").write_text("{")
    command(name, f"--workdir={copied_run}").assert_refused("data.json is damaged")


def test_no_checkpoint_yet(command, copied_run):
    (copied_run / "checkpoints").rename(copied_run / "elsewhere")
    command("predict", f"--workdir={copied_run}").assert_refused("no checkpoint yet")
    assert not (copied_run / "checkpoints").exists()


def test_a_split_that_is_none(command, one_run):
    command("evaluate", f"--workdir={one_run}", "--split=tets").assert_refused("tets", "test")


@pytest.mark.parametrize("flag", ["--help", "-h", "-help"])
def test_help(command, flag):
    outcome = command("train", flag)
    assert (outcome.status, outcome.err) == (0, "")
    for part in (
        "python -m seqjax.train --config configs/sentiment.py:rnn",
        "--workdir: ",
        "--config.train.batch_size=32  # examples of a step, over all devices and hosts",
        "--config.model.pattern=('rnn',)",
        "# TSV or JSON lines; trees: files of a sentiment treebank",
    ):
        assert part in outcome.out
    for name in ("evaluate", "predict"):
        outcome = command(name, flag)
        assert outcome.status == 0 and "--workdir" in outcome.out
        assert "--config" not in outcome.out
