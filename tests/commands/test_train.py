"""What a run leaves on disk, says and ends with."""

import json
import shutil

import pytest

DESIGNED = {
    "task",
    "model",
    "parameters",
    "parameters_outside_embedding",
    "steps",
    "epochs",
    "seed",
    "train",
    "valid",
    "test",
    "ms_per_step",
    "compile_seconds",
    "wall_seconds",
    "device",
    "versions",
}
TIMES = {"ms_per_step", "examples_per_second", "compile_seconds", "wall_seconds"}


def rows_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def timeless(rows):
    return [{name: row[name] for name in row.keys() - TIMES} for row in rows]


def test_the_folder_holds_what_the_design_says(one_run):
    assert {path.name for path in one_run.iterdir() if path.name[0] != "."} == {
        "config.json",
        "data.json",
        "tokenizer.json",
        "metrics.jsonl",
        "tensorboard",
        "checkpoints",
        "summary.json",
    }
    config = json.loads((one_run / "config.json").read_text())
    assert set(config) >= {"data", "model", "optimizer", "train", "mesh", "seed"}
    assert list((one_run / "tensorboard").glob("events.*"))


def test_the_summary_holds_what_the_design_says(one_run):
    summary = json.loads((one_run / "summary.json").read_text())
    assert set(summary) >= DESIGNED
    expected = {"task": "classification", "model": "rnn", "steps": 16, "epochs": 2.0, "seed": 0}
    assert expected.items() <= summary.items()
    assert summary["device"]["count"] == 8
    # 11 or so words of 8, Elman 8×8 twice and 8, output 8 and 1.
    vocabulary = json.loads((one_run / "data.json").read_text())["vocabulary_size"]
    assert summary["parameters"] == 8 * vocabulary + 136 + 9
    assert summary["parameters_outside_embedding"] == 136
    for split in ("train", "valid", "test"):
        assert 0 < summary[split]["loss"] < 2 and 0 <= summary[split]["accuracy"] <= 1
    assert summary["ms_per_step"] > 0


def test_every_row_holds_what_the_design_says(one_run):
    rows = rows_of(one_run)
    assert [(row["step"], row["split"]) for row in rows] == [
        (4, "train"),
        (8, "train"),
        (8, "valid"),
        (12, "train"),
        (16, "train"),
        (16, "valid"),
    ]
    for row in rows:
        assert row["epoch"] == row["step"] / 8
        numbers = {"loss", "accuracy", "ms_per_step", "examples_per_second", "wall_seconds"}
        if row["split"] == "train":
            numbers |= {"grad_norm", "learning_rate"}
        assert set(row) == numbers | {"step", "epoch", "split"}
        assert all(isinstance(row[name], float) for name in numbers)
    summary = json.loads((one_run / "summary.json").read_text())
    best = next(
        row for row in rows if (row["step"], row["split"]) == (summary["best_step"], "valid")
    )
    assert summary["valid"] == {name: best[name] for name in ("loss", "accuracy")}


def test_lines_for_a_person(command, flags, tmp_path):
    outcome = command("train", *flags("bag", train__epochs=1), f"--workdir={tmp_path / 'run'}")
    assert outcome.json == json.loads((tmp_path / "run" / "summary.json").read_text())
    start, *logged, epoch = outcome.err.splitlines()
    assert start.startswith("sentiment bag · ") and start.endswith(f" · {tmp_path / 'run'}")
    assert "8 cpu devices" in start and "0 outside the embedding" in start
    assert [line.partition(" · ")[0] for line in logged] == ["step 4/8", "step 8/8"]
    assert epoch.startswith("epoch 1/1 · train loss ") and epoch.endswith(" ms/step")
    assert "valid loss " in epoch and "\x1b" not in outcome.err


def test_a_finished_run_says_so_and_prints_its_summary(command, flags, copied_run):
    before = rows_of(copied_run)
    outcome = command("train", *flags("rnn"), f"--workdir={copied_run}")
    assert outcome.json == json.loads((copied_run / "summary.json").read_text())
    assert outcome.err.startswith("This run has finished")
    # What may differ on resume does not make it another run.
    free = flags("rnn", train__log_every=3, mesh__data=4, mesh__fsdp=2)
    assert command("train", *free, f"--workdir={copied_run}").err == outcome.err
    assert rows_of(copied_run) == before


def test_more_epochs_go_on_from_where_the_run_ended(command, flags, copied_run, tmp_path):
    longer = flags("rnn", train__epochs=3)
    extended = command("train", *longer, f"--workdir={copied_run}")
    assert "Going on from step 16." in extended.err
    whole = command("train", *longer, f"--workdir={tmp_path / 'whole'}")
    assert timeless([extended.json]) == timeless([whole.json])
    assert timeless(rows_of(copied_run)) == timeless(rows_of(tmp_path / "whole"))
    # The shorter run is no longer what the folder holds, and cannot be had back.
    outcome = command("train", *flags("rnn"), f"--workdir={copied_run}")
    assert outcome.status == 2
    assert "train.epochs=2 end at step 16, but the run is at step 24 already" in outcome.err
    assert json.loads((copied_run / "config.json").read_text())["train"]["epochs"] == 3


def test_a_run_goes_on_on_another_mesh(command, flags, copied_run):
    expected = json.loads((copied_run / "summary.json").read_text())
    (copied_run / "summary.json").unlink()
    shutil.rmtree(copied_run / "checkpoints" / "16")
    other = flags("rnn", mesh__data=2, mesh__fsdp=4)
    outcome = command("train", *other, f"--workdir={copied_run}")
    assert "Going on from step 8." in outcome.err
    assert outcome.json["test"]["loss"] == pytest.approx(expected["test"]["loss"], abs=1e-5)
    assert outcome.json["train"]["loss"] == pytest.approx(expected["train"]["loss"], abs=1e-5)


def test_a_damaged_newest_checkpoint_is_passed_over(command, flags, copied_run):
    expected = json.loads((copied_run / "summary.json").read_text())
    rows = rows_of(copied_run)
    (copied_run / "summary.json").unlink()
    for path in (copied_run / "checkpoints" / "16" / "params").rglob("*"):
        if path.is_file():
            path.write_bytes(b"not what it was")
    outcome = command("train", *flags("rnn"), f"--workdir={copied_run}")
    assert "The checkpoint of step 16 cannot be read (" in outcome.err
    assert "Going on from step 8." in outcome.err
    assert timeless([outcome.json]) == timeless([expected])
    assert timeless(rows_of(copied_run)) == timeless(rows)


def test_a_run_killed_before_its_summary_only_writes_that(command, flags, copied_run):
    expected = json.loads((copied_run / "summary.json").read_text())
    (copied_run / "summary.json").unlink()
    outcome = command("train", *flags("rnn"), f"--workdir={copied_run}")
    assert "Going on from step 16." in outcome.err
    assert outcome.json == expected | {"wall_seconds": outcome.json["wall_seconds"]}


def test_the_default_folder_is_named_by_the_configuration(command, flags, tmp_path, monkeypatch):
    shutil.copytree("configs", tmp_path / "configs")
    arguments = flags("bag", train__steps=2)
    monkeypatch.chdir(tmp_path)
    first = command("train", *arguments)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("sentiment-bag-") and len(folder.name.split("-")[2]) == 8
    assert command("train", *arguments).json == first.json
    command("train", *flags("bag", train__steps=2, seed=1))
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_trace_of_the_steps_asked_for(command, flags, tmp_path):
    arguments = flags("bag", train__steps=4, train__profile="(2,9)")  # beyond the end
    command("train", *arguments, f"--workdir={tmp_path / 'run'}")
    assert list((tmp_path / "run" / "profile").rglob("*.xplane.pb"))


def test_early_stopping_ends_the_run_with_the_best_checkpoint(command, flags, tmp_path):
    outcome = command(
        "train",
        *flags("bag", train__epochs=30, train__early_stopping=2, optimizer__learning_rate=0.3),
        f"--workdir={tmp_path / 'run'}",
    )
    rows = [row for row in rows_of(tmp_path / "run") if row["split"] == "valid"]
    found = [row["accuracy"] for row in rows]
    best = found.index(max(found))
    assert len(found) == best + 3 < 30
    assert outcome.json["best_step"] == 8 * (best + 1)
    assert outcome.json["steps"] == 8 * len(found)
    assert outcome.json["valid"]["loss"] == rows[best]["loss"]
    kept = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert str(8 * (best + 1)) in kept
