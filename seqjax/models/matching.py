"""Models of equal size: the same number of parameters outside the embedding and output tables."""

import math
from dataclasses import replace
from typing import Any

from seqjax import models
from seqjax.errors import UserError
from seqjax.models.config import ModelConfig
from seqjax.models.encoder_decoder import EncoderDecoderConfig

AnyConfig = ModelConfig | EncoderDecoderConfig
TOLERANCE = 0.02


def match_parameters(config: AnyConfig, target: int) -> AnyConfig:
    """`config` with its width, then its feed-forward or inner size, set to reach `target`.

    Counted are the parameters outside the embedding and output tables (`count_parameters`); the
    embedding size stays. The width is the largest that does not exceed the target while the
    feed-forward and inner sizes keep their proportion to it, and stays a multiple of what the
    heads need; the fine adjustment makes up the rest. UserError with the nearest reachable number
    where that is further than 2% away. An empty pattern has nothing to match. Both sides of an
    encoder-decoder get the sizes that their sum asks for.
    """
    stack = last_stack(config)
    if not stack.pattern:
        return config
    if stack.tie_embeddings:
        raise UserError(
            "model.tie_embeddings=True ties model.width to the embedding size, so that it cannot "
            "be matched: set it to False."
        )
    step = math.lcm(2 * stack.heads, 8)
    scaled = _widest(config, target, step)
    if stack.feed_forward == "two_layer":
        matched = _adjusted(scaled, target, "feed_forward_size", 1)
    else:
        inner = _adjusted(scaled, target, "inner_size", step)
        finer = _widest(config, target, stack.heads)
        matched = min(inner, scaled, finer, key=lambda found: abs(outside(found) - target))
    return _close_enough(matched, target)


def match_feed_forward(config: ModelConfig, target: int, *, step: int) -> ModelConfig:
    """`config` with its feed-forward size set to reach `target`, as a multiple of `step`.

    The width stays: for models whose sizes are to suit the units that multiply matrices.
    """
    size = max(step, step * round(config.feed_forward_size / step))
    start = replace(config, feed_forward_size=size)
    return _close_enough(_adjusted(start, target, "feed_forward_size", step), target)


def _close_enough(matched: AnyConfig, target: int) -> AnyConfig:
    reached = outside(matched)
    if abs(reached - target) > TOLERANCE * target:
        stack = last_stack(matched)
        raise UserError(
            f"model.pattern={','.join(stack.pattern)} cannot be given {target} parameters outside "
            f"its tables: the nearest is {reached} with model.width={stack.width}; take that as "
            f"the target, or another number of blocks."
        )
    return matched


def outside(config: AnyConfig) -> int:
    """The parameters outside the tables, which do not depend on the data's sizes."""
    if isinstance(config, EncoderDecoderConfig):
        encoder, decoder = _with_inputs(config.encoder), _with_inputs(config.decoder)
        decoder = replace(decoder, outputs=decoder.outputs or 1)
        config = replace(config, encoder=encoder, decoder=decoder)
    else:
        config = replace(_with_inputs(config), outputs=config.outputs or 1)
    return models.count_parameters(config)[1]


def _with_inputs(stack: ModelConfig) -> ModelConfig:
    return stack if stack.input_size else replace(stack, vocabulary_size=stack.vocabulary_size or 2)


def last_stack(config: AnyConfig) -> ModelConfig:
    """The stack that gives the outputs."""
    return models.stacks(config)[-1]


def _resized(config: AnyConfig, **sizes: Any) -> AnyConfig:
    """The config with these sizes in each of its stacks."""
    if isinstance(config, EncoderDecoderConfig):
        encoder, decoder = replace(config.encoder, **sizes), replace(config.decoder, **sizes)
        return replace(config, encoder=encoder, decoder=decoder)
    return replace(config, **sizes)


def _at_width(config: AnyConfig, width: int, step: int) -> AnyConfig:
    """The config at another width, in proportion."""
    stack = last_stack(config)

    def scaled(size):
        return max(step, step * round(size * width / stack.width / step))

    return _resized(
        config,
        width=width,
        feed_forward_size=scaled(stack.feed_forward_size),
        inner_size=scaled(stack.inner_size),
    )


def _widest(config: AnyConfig, target: int, step: int) -> AnyConfig:
    """The largest width, a multiple of `step`, that does not exceed the target; else the least."""

    def count(units: int) -> int:
        return outside(_at_width(config, units * step, step))

    # Counting traces the model, so the search starts near its end: parameters grow with the square.
    units, guess = 0, max(1, round(last_stack(config).width / step))
    for _ in range(4):
        if guess == units:
            break
        units, guess = guess, max(1, round(guess * math.sqrt(target / count(guess))))
    while units > 1 and count(units) > target:
        units -= 1
    while count(units + 1) <= target:
        units += 1
    return _at_width(config, units * step, step)


def _adjusted(config: AnyConfig, target: int, field: str, step: int) -> AnyConfig:
    """The config with one size moved by multiples of `step` to come nearest to the target."""
    size, count = getattr(last_stack(config), field), outside(config)
    slope = outside(_resized(config, **{field: size + step})) - count
    if slope == 0:
        return config
    return _resized(config, **{field: max(step, size + step * round((target - count) / slope))})
