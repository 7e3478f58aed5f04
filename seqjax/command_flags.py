"""The flags of the commands: what each is named, how they are read, what `--help` tells."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from absl import flags
from absl.flags import FlagValues
from ml_collections import config_flags

from seqjax.distributed import hosts
from seqjax.errors import UserError
from seqjax.tasks import TASKS
from seqjax.training.config import (
    Config,
    field_types,
    from_dict,
    kinds,
    types_of,
    unknown_field,
    wrong_type,
)
from seqjax.training.folder import RunFolder


def define_config(values: FlagValues) -> None:
    """Defines `--config FILE.py[:PRESET]`, with its overrides `--config.GROUP.KEY=VALUE`."""
    config_flags.DEFINE_config_file(
        "config",
        help_string="configs/NAME.py[:PRESET], with --config.KEY=VALUE for single keys",
        flag_values=values,
    )


def config_of(values: FlagValues) -> Config:
    """The checked configuration that `--config` and its overrides describe."""
    if values.config is None:
        raise UserError("--config is missing: name one, as in --config configs/sentiment.py:rnn.")
    return from_dict(values.config.to_dict())


def define_workdir(values: FlagValues) -> None:
    """Defines `--workdir` for a command that needs a trained run."""
    flags.DEFINE_string("workdir", None, "folder of a trained run", flag_values=values)


def workdir_of(values: FlagValues) -> RunFolder:
    """The folder that `--workdir` names."""
    if not values.workdir:
        raise UserError("--workdir is missing: name the folder of a run that was trained.")
    return RunFolder(values.workdir)


def define_distributed(values: FlagValues) -> None:
    """Defines `--distributed` for a command that may run on several hosts at once."""
    flags.DEFINE_enum(
        "distributed",
        "auto",
        hosts.MODES,
        "auto: with the other hosts that the environment names, if any; on: never alone; off: "
        "always alone",
        flag_values=values,
    )


def parse(values: FlagValues, argv: list[str]) -> None:
    """Reads the command line; whatever is wrong with it is a UserError."""
    file = _check_config_flags(argv) if "config" in values else ""
    try:
        rest = values(argv)[1:]
    except flags.UnrecognizedFlagError as error:
        near = get_close_matches(error.flagname, list(values), n=1)
        hint = f"did you mean --{near[0]}?" if near else "see --help."
        raise UserError(f"There is no flag --{error.flagname}: {hint}") from error
    except (flags.Error, ValueError, AttributeError, KeyError) as error:
        text = " ".join(str(error).split())
        if "parsing config file" in text:  # whose own mistakes are a programmer's
            raise
        if isinstance(error, AttributeError | KeyError):
            _check_keys(argv, _task_of(values, file))
            raise
        if key := re.match(r"flag --config\.([\w.]+)=(.*?): ", text):
            kind = field_types(_task_of(values, file))[key[1]]
            raise wrong_type(key[1], key[2], kind) from error
        raise UserError(f"{text.rstrip('.')}.") from error
    if rest:
        raise UserError(f"{rest[0]!r} is not understood: settings are flags, as in --config FILE.")


def _check_config_flags(argv: list[str]) -> str:
    """What `--config` names, and that every key to change is one of some task and comes after."""
    file = ""
    for place, argument in enumerate(argv[1:], 1):
        name, _, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name == "config":
            file = value or "".join(argv[place + 1 : place + 2])
            _check_config_file(file)
        if argument.startswith("-") and re.match(r"(no)?config\.", name):
            path = name.partition(".")[2]
            if not any(path in field_types(task) for task in TASKS):
                raise unknown_field(path)
            if not any(re.match(r"--?config(=|$)", earlier) for earlier in argv[:place]):
                raise UserError(f"{argument} must come after --config FILE, whose key it changes.")
    return file


def _check_keys(argv: list[str], task: str) -> None:
    """UserError where a key to change is one of another task."""
    for argument in argv[1:]:
        key = re.match(r"--?(?:no)?config\.([\w.]+)", argument)
        if key and key[1] not in field_types(task):
            raise unknown_field(key[1], task)


def _task_of(values: FlagValues, file: str) -> str:
    """The task of the configuration that `--config` names."""
    return values["config"].parser.parse(file).task


def _check_config_file(value: str) -> None:
    path = Path(value.split(":")[0])
    known = sorted(map(str, Path("configs").glob("[a-z]*.py")))
    near = " or ".join(get_close_matches(str(path), known, n=1) or known or ["configs/NAME.py"])
    if not path.is_file():
        raise UserError(f"--config={value}: {path} is not a file; did you mean {near}?")
    if path.suffix != ".py" or "def get_config(" not in path.read_text(encoding="utf-8"):
        raise UserError(
            f"--config={value}: {path} is not a Python file that defines get_config(preset), as "
            f"{near} does."
        )


def help_text(description: str, values: FlagValues) -> str:
    """What `--help` prints: the command's docstring, its flags, the keys of a configuration."""
    lines = [description.strip(), "", "flags:"]
    lines += [f"  --{name}: {values[name].help}" for name in sorted(values)]
    if "config" in values:
        lines += ["", "configuration keys, with their defaults where a config file sets none:"]
        lines += [f"  {line}".rstrip() for line in described(Config)]
    return "\n".join(lines)


def described(kind: type, prefix: str = "") -> Iterator[str]:
    """A line for every key with its default, among the comments that its source code has."""
    types = types_of(kind, {})
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    for line in _lines_of_fields(kind):
        name, comment = re.fullmatch(r"(?: {4}(\w+):)?.*?( *# .*)?", line).groups()
        if name is None:
            if comment:
                yield comment.strip()
        elif kind is Config and name in ("data", "model"):
            for each, tasks in _kinds(name).items():
                yield from ("", f"# where task is {' or '.join(tasks)}:")
                yield from described(each, f"{name}.")
        elif name in types and dataclasses.is_dataclass(types[name]):
            yield from ("", *described(types[name], f"{prefix}{name}."))
        elif name in types:
            shown = "" if defaults[name] is dataclasses.MISSING else defaults[name]
            yield f"--config.{prefix}{name}={shown}{comment or ''}"


def _lines_of_fields(kind: type) -> Iterator[str]:
    """The source code of a dataclass and of those that it extends, up to the first method."""
    for each in reversed(kind.__mro__):
        if dataclasses.is_dataclass(each):
            yield from inspect.getsource(each).partition("    def ")[0].splitlines()


def _kinds(group: str) -> dict[type, list[str]]:
    """What a group may hold, with the tasks whose it is."""
    tasks_of: dict[type, list[str]] = {}
    for task in TASKS:
        tasks_of.setdefault(kinds(task)[group], []).append(task)
    return tasks_of
