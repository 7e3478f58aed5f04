"""How each mixer is evaluated over time: the field that says so, and what its `auto` stands for."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from seqjax.models.config import ModelConfig
from seqjax.models.encoder_decoder import EncoderDecoderConfig
from seqjax.ops import attention, linear_recurrence, matrix_recurrence, recurrence


class Evaluation(NamedTuple):
    """The field of `ModelConfig` that names a mixer's method.

    `resolve(config, platform, batch, time)` is the method that `auto` stands for.
    """

    field: str
    resolve: Callable[[ModelConfig, str, int, int], str]


def _nonlinear(config: ModelConfig, platform: str, batch: int, time: int) -> str:
    return recurrence.resolve_method("auto", platform, batch=batch, time=time, width=config.width)


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


def _attention(config: ModelConfig, platform: str, batch: int, time: int) -> str:
    return attention.resolve_method(
        platform, time=time, head_size=config.width // config.heads, dtype=config.dtype
    )


CELLS = ("rnn", "lstm", "gru", "paragru", "paralstm")
EVALUATIONS = {
    **dict.fromkeys(CELLS, Evaluation("nonlinear_recurrence", _nonlinear)),
    "attention": Evaluation("attention", _attention),
    "local_attention": Evaluation("attention", _attention),
    "mingru": _diagonal("width"),
    "minlstm": _diagonal("width"),
    "lru": _diagonal("inner_size"),
    "rglru": _diagonal("inner_size"),
    "ssd": _matrix("gated_linear_attention"),
    "gated_deltanet": _matrix("gated_delta_rule"),
}
FIELDS = tuple(sorted({evaluation.field for evaluation in EVALUATIONS.values()}))


AnyConfig = ModelConfig | EncoderDecoderConfig


def resolve_methods(config: AnyConfig, platform: str, *, batch: int, time: int) -> AnyConfig:
    """The config with a method in the place of every `auto` that its patterns make use of.

    Where several mixers of a stack share a field, the first in the pattern decides.
    """

    def resolved(stack: ModelConfig) -> ModelConfig:
        for mixer in stack.pattern:
            evaluation = EVALUATIONS.get(mixer)
            if evaluation is not None and getattr(stack, evaluation.field) == "auto":
                method = evaluation.resolve(stack, platform, batch, time)
                stack = replace(stack, **{evaluation.field: method})
        return stack

    if isinstance(config, EncoderDecoderConfig):
        return replace(config, encoder=resolved(config.encoder), decoder=resolved(config.decoder))
    return resolved(config)


def keep_methods(config: AnyConfig, earlier: AnyConfig) -> AnyConfig:
    """The config with what `earlier` has in the place of every `auto`."""

    def kept(stack: ModelConfig, before: ModelConfig) -> ModelConfig:
        unsaid = [field for field in FIELDS if getattr(stack, field) == "auto"]
        return replace(stack, **{field: getattr(before, field) for field in unsaid})

    if type(config) is not type(earlier):
        return config
    if isinstance(config, EncoderDecoderConfig):
        return replace(
            config,
            encoder=kept(config.encoder, earlier.encoder),
            decoder=kept(config.decoder, earlier.decoder),
        )
    return kept(config, earlier)
