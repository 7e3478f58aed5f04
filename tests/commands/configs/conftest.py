"""What the test of every configuration stands on."""

import pytest


@pytest.fixture
def two_steps(command, tmp_path):
    """Returns `two_steps(preset, settings)`: the summary of two steps, and the flag of the run."""

    def train(preset: str, settings: dict[str, object]) -> tuple[dict, str]:
        workdir = f"--workdir={tmp_path / 'run'}"
        typed = [f"--config.{path}={value}" for path, value in settings.items()]
        typed += ["--config.train.steps=2", workdir]
        summary = command("train", f"--config=configs/{preset}", *typed).json
        word = preset.partition(":")[2].split(",")[0]
        assert summary["steps"] == 2 and summary["model"].split("-")[0] == word
        return summary, workdir

    return train
