import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.data.prepare import default_cache_folder
from seqjax.tasks.task import Options
from seqjax.training.folder import RunFolder
from seqjax.training.trained import load_trained


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_summary_is_reproduced_exactly(command, one_run, split):
    summary = json.loads((one_run / "summary.json").read_text())
    found = command("evaluate", f"--workdir={one_run}", f"--split={split}").json
    assert found == {"split": split, "step": summary["best_step"], "examples": 20} | summary[split]


def test_one_split_is_evaluated_without_the_others(command, flags, reviews, tmp_path, monkeypatch):
    files = {split: shutil.copy(path, tmp_path) for split, path in reviews.items()}
    typed = flags("bag", **{f"data__{split}": path for split, path in files.items()})
    expected = command("train", *typed, f"--workdir={tmp_path / 'run'}").json
    for split in ("train", "valid"):
        (tmp_path / f"{split}.csv").unlink()
    monkeypatch.setenv("SEQJAX_CACHE", str(tmp_path / "emptied"))
    found = command("evaluate", f"--workdir={tmp_path / 'run'}").json
    assert expected["test"].items() <= found.items()
    assert command("predict", f"--workdir={tmp_path / 'run'}", stdin=b"good\n").status == 0
    command("evaluate", f"--workdir={tmp_path / 'run'}", "--split=valid").assert_refused(
        "data.valid=", "valid.csv"
    )


def test_train_is_without_the_rows_that_were_cut_from_it(command, flags, reviews, tmp_path):
    mixed = shutil.copy(reviews["train"], tmp_path)
    typed = flags("bag", data__train=mixed, data__valid="", data__test="", train__steps=1)
    workdir = tmp_path / "run"
    command("train", *typed, f"--workdir={workdir}")
    rows = RunFolder(workdir).facts().splits["train"].rows
    found = command("evaluate", f"--workdir={workdir}", "--split=train").json
    assert found["examples"] == rows < len(reviews["train"].read_text().splitlines()) - 1
    with open(mixed, "a") as file:
        file.write("another one,yes\n")
    command("evaluate", f"--workdir={workdir}", "--split=train").assert_refused(
        "The split train is a part of data.train="
    )


def test_a_split_without_rows(command, flags, reviews, tmp_path):
    test = tmp_path / "test.csv"
    shutil.copy(reviews["test"], test)
    command(
        "train", *flags("bag", data__test=test, train__steps=1), f"--workdir={tmp_path / 'run'}"
    )
    test.write_text("text,label\n")
    command("evaluate", f"--workdir={tmp_path / 'run'}").assert_refused("data.test=", "no rows")


def test_the_metrics_are_those_of_the_predictions(one_run):
    """Accuracy and cross-entropy again, from what prediction says of each row."""
    trained = load_trained(RunFolder(one_run))
    setup = trained.setup
    split = setup.config.data.read_split(
        "test", setup.facts, trained.tokenizer, default_cache_folder()
    )
    tokens, labels = split.columns["tokens"], split.columns["label"]
    batch = {
        "tokens": jnp.asarray(tokens.pad(np.arange(len(split)), int(tokens.lengths.max()))),
        "tokens_length": jnp.asarray(tokens.lengths),
    }
    shares = np.asarray(
        setup.task.predict(setup.model, trained.params, batch, Options()), np.float64
    )
    right = shares.argmax(axis=1) == labels
    losses = -np.log(shares[np.arange(len(labels)), labels])
    summary = json.loads((one_run / "summary.json").read_text())
    assert summary["test"]["accuracy"] == pytest.approx(np.mean(right))
    assert summary["test"]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_mesh_that_does_not_fit_this_machine(command, copied_run):
    config = json.loads((copied_run / "config.json").read_text())
    config["mesh"]["data"] = 16
    (copied_run / "config.json").write_text(json.dumps(config))
    summary = json.loads((copied_run / "summary.json").read_text())
    outcome = command("evaluate", f"--workdir={copied_run}")
    assert outcome.json["loss"] == pytest.approx(summary["test"]["loss"], abs=1e-6)
    assert outcome.err.startswith("On one device, since the run's mesh does not fit this machine:")


def test_a_damaged_best_checkpoint_is_said(command, copied_run):
    best = json.loads((copied_run / "summary.json").read_text())["best_step"]
    shutil.rmtree(copied_run / "checkpoints" / str(best) / "params")
    outcome = command("evaluate", f"--workdir={copied_run}")
    assert outcome.json["step"] == {8: 16, 16: 8}[best]
    assert f"The checkpoint of step {best} cannot be read" in outcome.err
    assert len(list((copied_run / "checkpoints").iterdir())) == 2
