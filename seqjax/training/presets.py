"""Preset words of the configs: `lstm`, `lstm,size=tiny`, `lstm,size=tiny,train.epochs=3`."""

import ast
import dataclasses
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from ml_collections import ConfigDict

from seqjax.data.dataset import DataConfig
from seqjax.errors import UserError, did_you_mean
from seqjax.tasks.task import AnyModelConfig
from seqjax.training.config import (
    Config,
    OptimizerConfig,
    TrainConfig,
    field_types,
    from_dict,
    to_config_dict,
    unknown_field,
)


def from_preset(
    argument: str,
    base: Config,
    *,
    models: Mapping[str, AnyModelConfig],
    sized: Callable[[str, str], AnyModelConfig],
    size: str = "",
) -> ConfigDict:
    """`base` with the model of the first word of `argument`, and the keys behind it set.

    Without `size=` the word picks from `models`; with `size=tiny|small|base`, or a number of
    parameters, it is the matched model that `sized(word, size)` gives, as
    `seqjax.models.presets.sized` does. Where a default `size` is given, a word that is not in
    `models` is the matched model of that size. Any other key is a path such as `train.batch_size`,
    or its last part where only one path ends in it.
    """
    word, pairs = split_preset(argument)
    sizes = [text for key, text in pairs if key == "size"]
    if sizes:
        preset, model = f"{word}-{sizes[-1]}", sized(word, sizes[-1])
    elif word in models:
        preset, model = word, models[word]
    elif size:
        preset, model = word, sized(word, size)
    else:
        raise UserError(f"There is no preset {word!r}: {did_you_mean(word, models)}")
    values = dataclasses.asdict(dataclasses.replace(base, preset=preset, model=model))
    types = field_types(base.task)
    for key, text in pairs:
        if key != "size":
            path = _path(key, base.task)
            *parents, leaf = path.split(".")
            group = reduce(operator.getitem, parents, values)
            group[leaf] = _parsed(path, types[path], text)
    return to_config_dict(from_dict(values))


def of_probe(
    argument: str,
    name: str,
    data: DataConfig,
    *,
    epochs: int = 10,
    sized: Callable[[str, str], AnyModelConfig],
) -> ConfigDict:
    """The run of a generated probe, whose task has its name: every word is a model of `size=tiny`.

    All probes are trained alike, so that they tell mixers apart and not settings.
    """
    base = Config(
        name=name,
        preset=argument,
        task=name,
        data=data,
        optimizer=OptimizerConfig(
            learning_rate=3e-3, schedule="cosine", warmup_steps=100, clip_norm=1.0
        ),
        train=TrainConfig(epochs=epochs, batch_size=64),
    )
    return from_preset(argument, base, models={}, sized=sized, size="tiny")


def split_preset(argument: str) -> tuple[str, list[tuple[str, str]]]:
    """The word, and the keys and texts of the settings behind it."""
    # At commas outside of brackets, for values such as ("lstm", "attention").
    word, *settings = re.split(r",(?![^()]*\))", argument)
    pairs = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"The preset's part {setting!r} has no value: write {key}=VALUE.")
        pairs.append((key, text))
    return word, pairs


def _path(key: str, task: str) -> str:
    types = field_types(task)
    paths = [path for path in types if path == key or path.split(".")[-1] == key]
    if len(paths) > 1 and key not in paths:
        raise UserError(f"The preset's key {key!r} could be {' or '.join(paths)}: name one.")
    if not paths:
        raise unknown_field(key, task)
    return key if key in paths else paths[0]


def _parsed(path: str, kind: type, text: str) -> Any:
    if kind is str:
        return text
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        raise UserError(f"The preset's {path}={text} is not a Python value.") from None
