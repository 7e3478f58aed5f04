"""Commands run in this process, as if they had been typed."""

import importlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seqjax.command_line import run_command
from seqjax.distributed import hosts

ROOT = Path(__file__).parents[2]


# Of modules: a fixture of a package would stay to the end, as folders without __init__.py are none.
@pytest.fixture(scope="module", autouse=True)
def all_quickly(quickly):
    """As `quickly`, in every module."""


@pytest.fixture(scope="module", autouse=True)
def alone():
    """A process looks for other hosts before it uses JAX, which this one has done long ago."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosts, "join", lambda mode: None)
        yield


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What the command printed, when it succeeded."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    def assert_refused(self, *parts: object) -> None:
        """The command ended in one line on standard error, which holds the given parts."""
        assert (self.status, self.out, self.err.count("\n")) == (2, "", 1), self
        for part in parts:
            assert str(part) in self.err


@pytest.fixture
def command(monkeypatch, capsys):
    """Returns `command(name, *flags, stdin=b"", **settings)`: runs a command to its end."""
    monkeypatch.chdir(ROOT)

    def run(name: str, *flags: object, stdin: bytes = b"") -> Outcome:
        module = importlib.import_module(f"seqjax.{name}")
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, flags)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            run_command(module.define_flags, module.main)
        return Outcome(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def flags(tiny):
    """Returns `flags(preset, **settings)`: a tiny run's flags, `.` being spelled `__`."""

    def spell(preset: str = "bag", **settings: object) -> list[str]:
        settings = tiny | {path.replace("__", "."): value for path, value in settings.items()}
        overrides = [f"--config.{path}={value}" for path, value in settings.items()]
        return ["--config", "configs/sentiment.py:" + preset, *overrides]

    return spell


@pytest.fixture(scope="session")
def one_run(flags, compiled_quickly, tmp_path_factory):
    """Returns the folder of a finished run, which is not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    with compiled_quickly(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(hosts, "join", lambda mode: None)
        module = importlib.import_module("seqjax.train")
        patch.setattr(sys, "argv", ["train.py", *flags("rnn"), f"--workdir={folder}"])
        with pytest.raises(SystemExit) as ended:
            run_command(module.define_flags, module.main)
    assert ended.value.code == 0
    return folder


@pytest.fixture
def copied_run(one_run, tmp_path):
    """Returns a copy of `one_run`, with which a test may do what it likes."""
    return Path(shutil.copytree(one_run, tmp_path / "copy"))
