"""How each mixer is evaluated over time: the field that says so, and what its `auto` stands for."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from seqjax.models.config import ModelConfig
from seqjax.ops import linear_recurrence, matrix_recurrence


class Evaluation(NamedTuple):
    """The field of `ModelConfig` that names a mixer's method.

    `resolve(config, platform, batch, time)` is the method that `auto` stands for.
    """

    field: str
    resolve: Callable[[ModelConfig, str, int, int], str]


def _diagonal(size: str) -> Evaluation:
    def resolve(config: ModelConfig, platform: str, batch: int, time: int) -> str:
        width = getattr(config, size)
        return linear_recurrence.resolve_method(
            "auto", platform, batch=batch, time=time, width=width
        )

    return Evaluation("linear_recurrence", resolve)


def _matrix(operation: str) -> Evaluation:
    def resolve(config: ModelConfig, platform: str, batch: int, time: int) -> str:
        return matrix_recurrence.resolve_method(
            "auto", operation, platform, batch=batch, time=time, width=config.inner_size
        )

    return Evaluation("matrix_recurrence", resolve)


EVALUATIONS = {
    "mingru": _diagonal("width"),
    "minlstm": _diagonal("width"),
    "lru": _diagonal("inner_size"),
    "rglru": _diagonal("inner_size"),
    "ssd": _matrix("gated_linear_attention"),
    "gated_deltanet": _matrix("gated_delta_rule"),
}
FIELDS = tuple(sorted({evaluation.field for evaluation in EVALUATIONS.values()}))


def resolve_methods(config: ModelConfig, platform: str, *, batch: int, time: int) -> ModelConfig:
    """The config with a method in the place of every `auto` that its pattern makes use of.

    Where several mixers share a field, the first in the pattern decides.
    """
    for mixer in config.pattern:
        evaluation = EVALUATIONS.get(mixer)
        if evaluation is not None and getattr(config, evaluation.field) == "auto":
            method = evaluation.resolve(config, platform, batch, time)
            config = replace(config, **{evaluation.field: method})
    return config
