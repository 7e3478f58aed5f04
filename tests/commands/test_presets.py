"""Every preset of every configuration trains, is evaluated, and predicts."""

import importlib.util
from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[2] / "configs"


def presets():
    for path in sorted(CONFIGS.glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for word in module.MODELS:
            yield f"configs/{path.name}:{word}"


@pytest.mark.parametrize("preset", list(presets()))
def test_every_preset(command, tiny, tmp_path, preset):
    overrides = [f"--config.{path}={value}" for path, value in tiny.items()]
    workdir = f"--workdir={tmp_path / 'run'}"
    summary = command(
        "train", f"--config={preset}", *overrides, "--config.train.steps=2", workdir
    ).json
    assert summary["steps"] == 2 and summary["model"] == preset.partition(":")[2]
    assert 0 < summary["test"]["loss"] < 5
    answers = command("predict", workdir, stdin=b"a good film\n\n").out.splitlines()
    assert [line.split("\t")[0] in ("fresh", "rotten") for line in answers] == [True, True]
