"""The whole configuration of a run, in one typed tree.

The task says of which types the groups `data` and `model` are. Files in `configs/` build a `Config`
and hand it out as an ml-collections `ConfigDict`, which the flags `--config.GROUP.KEY=VALUE`
change; `from_dict` checks it and gives the tree back. What a run's `config.json` holds is this
tree, every value spelled out.
"""

import dataclasses
import difflib
import hashlib
import json
import math
import re
import typing
from dataclasses import dataclass, field
from typing import Any

from ml_collections import ConfigDict

from seqjax import models
from seqjax.data.dataset import DataConfig
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.distributed.config import MeshConfig
from seqjax.errors import UserError
from seqjax.models import EncoderDecoderConfig, ModelConfig
from seqjax.models.mixers import make_mixer
from seqjax.tasks import TASKS, make_task

CHOICES = {
    "optimizer.name": ("adam", "adamw", "sgd"),
    "optimizer.schedule": ("constant", "linear", "cosine"),
}
LEAST = {
    1: ("train.batch_size", "train.accumulate", "train.log_every"),
    0: (
        "seed",
        "optimizer.learning_rate",
        "optimizer.warmup_steps",
        "optimizer.final_fraction",
        "optimizer.epsilon",
        "optimizer.weight_decay",
        "optimizer.clip_norm",
        "train.epochs",
        "train.steps",
        "train.evaluate_every",
        "train.checkpoint_every",
        "train.early_stopping",
    ),
}
SHARES = ("optimizer.beta1", "optimizer.beta2", "optimizer.momentum", "train.label_smoothing")
ONLY_OF = {"optimizer.weight_decay": "adamw", "optimizer.momentum": "sgd"}


@dataclass(frozen=True)
class OptimizerConfig:
    """The update rule and the learning rate over the steps."""

    name: str = "adam"  # adam, adamw or sgd
    learning_rate: float = 1e-3  # the highest of the schedule
    schedule: str = "constant"  # constant, linear or cosine decay after the warm-up
    warmup_steps: int = 0  # steps of linear growth from 0
    final_fraction: float = 0.0  # share of the learning rate that a decay ends at
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum: float = 0.0  # of sgd
    weight_decay: float = 0.0  # of adamw, on the parameters of `decayed`
    decayed: tuple[str, ...] = (".*kernel",)  # regular expressions of full parameter paths
    frozen: tuple[str, ...] = ()  # regular expressions of full paths: these keep their first values
    clip_norm: float = 0.0  # global norm that gradients are clipped to; 0 clips nothing


@dataclass(frozen=True)
class TrainConfig:
    """How long, in what batches, and what is looked at on the way."""

    epochs: int = 10  # passes over the training split, where `steps` is 0
    steps: int = 0
    batch_size: int = 32  # examples of a step, over all devices and hosts
    accumulate: int = 1  # parts that a batch is worked through in, one after the other
    word_vectors: str = ""  # GloVe or word2vec text file that the embedding starts from
    label_smoothing: float = 0.0
    log_every: int = 100  # steps
    evaluate_every: int = 0  # steps; 0 is once an epoch
    checkpoint_every: int = 0  # steps, beside the checkpoint of every evaluation; 0 is none
    early_stopping: int = 0  # evaluations without a better one that end the run; 0 is never
    profile: tuple[int, ...] = ()  # first and last step of a profiler trace


@dataclass(frozen=True)
class Config:
    """A run."""

    name: str  # of the experiment, first part of the default run folder
    preset: str  # second part
    task: str = "classification"
    seed: int = 0
    data: DataConfig = field(default_factory=LabelledTextConfig)
    model: ModelConfig | EncoderDecoderConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    mesh: MeshConfig = field(default_factory=MeshConfig)

    def __post_init__(self) -> None:
        for group, kind in kinds(self.task).items():
            if type(getattr(self, group)) is not kind:
                raise TypeError(f"{group} must be a {kind.__name__} where task={self.task!r}")
        for stack in models.stacks(self.model):
            for mixer in stack.pattern:
                make_mixer(mixer, stack)
        for path, allowed in CHOICES.items():
            if get(self, path) not in allowed:
                raise UserError(f"{path}={get(self, path)!r} is not one of {', '.join(allowed)}.")
        for least, paths in LEAST.items():
            for path in paths:
                if get(self, path) < least:
                    raise UserError(f"{path}={get(self, path)} must be at least {least}.")
        for path in SHARES:
            if not 0 <= get(self, path) < 1:
                raise UserError(f"{path}={get(self, path)} must be in [0, 1).")
        for path, rule in ONLY_OF.items():
            if get(self, path) and self.optimizer.name != rule:
                raise UserError(
                    f"{path}={get(self, path)} has no effect on "
                    f"optimizer.name={self.optimizer.name!r}: it is for {rule}."
                )
        for path in ("optimizer.decayed", "optimizer.frozen"):
            for pattern in get(self, path):
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise UserError(
                        f"{path}={pattern!r} is not a regular expression: {error}."
                    ) from error
        if self.seed >= 2**32:
            raise UserError(f"seed={self.seed} must be below 2**32.")
        if not self.train.steps and not self.train.epochs:
            raise UserError(
                "train.steps=0 and train.epochs=0 leave nothing to do: set one of them."
            )
        if self.train.batch_size % self.train.accumulate:
            raise UserError(
                f"train.accumulate={self.train.accumulate} does not divide "
                f"train.batch_size={self.train.batch_size}: take a divisor."
            )
        profile = self.train.profile
        if profile and not (len(profile) == 2 and 0 < profile[0] <= profile[1]):
            raise UserError(
                f"train.profile={profile} must be the first and last step, as in (10,20)."
            )


def get(config: Config, path: str) -> Any:
    """The value at a dotted path such as `train.batch_size`."""
    value = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


def kinds(task: str) -> dict[str, type]:
    """The types of the groups that a task decides."""
    return {"data": make_task(task).data, "model": make_task(task).model}


def field_types(task: str) -> dict[str, type]:
    """Every leaf of the tree of a task's run: its dotted path and its type."""
    return _leaves(Config, kinds(task), "")


def _leaves(kind: type, special: dict[str, type], prefix: str) -> dict[str, type]:
    found = {}
    for name, annotation in types_of(kind, special).items():
        if dataclasses.is_dataclass(annotation):
            found |= _leaves(annotation, {}, f"{prefix}{name}.")
        else:
            found[prefix + name] = annotation
    return found


def types_of(kind: type, special: dict[str, type]) -> dict[str, type]:
    """The type of every field of a dataclass, some of them as `special` says."""
    hints = typing.get_type_hints(kind) | special
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def unknown_field(path: str, task: str = "") -> UserError:
    """The sentence for a key that no configuration, or none of that task, has."""
    tasks = [task] if task else TASKS
    known = list(dict.fromkeys(name for each in tasks for name in field_types(each)))
    near = difflib.get_close_matches(path, known, n=1, cutoff=0.5)
    leaf = difflib.get_close_matches(
        path.split(".")[-1], [name.split(".")[-1] for name in known], n=1
    )
    same_leaf = [name for name in known if leaf and name.split(".")[-1] == leaf[0]]
    hint = (near or same_leaf or [", ".join(sorted(known))])[0]
    return UserError(f"There is no configuration key {path!r}; did you mean {hint}?")


def to_config_dict(config: Config) -> ConfigDict:
    """The tree as ml-collections wants it."""
    return ConfigDict(dataclasses.asdict(config), convert_dict=True)


def from_dict(values: dict[str, Any]) -> Config:
    """The tree from nested dictionaries (of a `ConfigDict` or of JSON), checked."""
    task = _checked(str, _group(values, "").get("task", Config.task), "task")
    return _build(Config, values, task, kinds(task), "")


def to_json(config: Config) -> str:
    """The tree as JSON text."""
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def digest(config: Config) -> str:
    """Eight hexadecimal digits that differ between any two configurations."""
    return hashlib.sha256(to_json(config).encode()).hexdigest()[:8]


def _build(
    kind: type, values: dict[str, Any], task: str, special: dict[str, type], prefix: str
) -> Any:
    hints = types_of(kind, special)
    for name in _group(values, prefix):
        if name not in hints:
            raise unknown_field(prefix + name, task)
    built = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]):
            built[name] = _build(hints[name], value, task, {}, f"{prefix}{name}.")
        else:
            built[name] = _checked(hints[name], value, prefix + name)
    try:
        return kind(**built)
    except TypeError as error:
        raise UserError(f"{prefix or 'the configuration'} is incomplete: {error}.") from error


def _group(values: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise UserError(f"{prefix.rstrip('.') or 'the configuration'}={values} must be a group.")
    return values


def _checked(kind: type, value: Any, path: str) -> Any:
    """The value in its declared type; JSON's lists become tuples, whole numbers floats."""
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, list | tuple):
            raise wrong_type(path, value, kind)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(value)
        if len(kinds) != len(value):
            raise wrong_type(path, value, kind)
        places = range(len(value))
        return tuple(_checked(kinds[i], value[i], f"{path}[{i}]") for i in places)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise wrong_type(path, value, kind)
    return value


def wrong_type(path: str, value: Any, kind: type) -> UserError:
    """The sentence for a value that is not what its key holds."""
    wanted = {int: "a whole number", float: "a finite number", bool: "True or False", str: "text"}
    said = wanted.get(kind, f"a tuple ({kind}), as in \"('rnn','lstm')\" with both quotation marks")
    return UserError(f"{path}={value} must be {said}.")
