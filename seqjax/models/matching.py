"""Models of equal size: the same number of parameters outside the embedding and output tables."""

import math
from dataclasses import replace
from functools import lru_cache

from seqjax import models
from seqjax.errors import UserError
from seqjax.models.config import ModelConfig

TOLERANCE = 0.02


def match_parameters(config: ModelConfig, target: int) -> ModelConfig:
    """`config` with its width, then its feed-forward or inner size, set to reach `target`.

    Counted are the parameters outside the embedding and output tables (`count_parameters`); the
    embedding size stays. The width is the largest that does not exceed the target while the
    feed-forward and inner sizes keep their proportion to it, and stays a multiple of what the
    heads need; the fine adjustment makes up the rest. UserError with the nearest reachable number
    where that is further than 2% away. An empty pattern has nothing to match.
    """
    if not config.pattern:
        return config
    if config.tie_embeddings:
        raise UserError(
            "model.tie_embeddings=True ties model.width to the embedding size, so that it cannot "
            "be matched: set it to False."
        )
    step = math.lcm(2 * config.heads, 8)
    scaled = _widest(config, target, step)
    if config.feed_forward == "two_layer":
        matched = _adjusted(scaled, target, "feed_forward_size", 1)
    else:
        inner = _adjusted(scaled, target, "inner_size", step)
        finer = _widest(config, target, config.heads)
        matched = min(inner, scaled, finer, key=lambda found: abs(outside(found) - target))
    return _close_enough(matched, target)


def match_feed_forward(config: ModelConfig, target: int, *, step: int) -> ModelConfig:
    """`config` with its feed-forward size set to reach `target`, as a multiple of `step`.

    The width stays: for models whose sizes are to suit the units that multiply matrices.
    """
    size = max(step, step * round(config.feed_forward_size / step))
    start = replace(config, feed_forward_size=size)
    return _close_enough(_adjusted(start, target, "feed_forward_size", step), target)


def _close_enough(matched: ModelConfig, target: int) -> ModelConfig:
    reached = outside(matched)
    if abs(reached - target) > TOLERANCE * target:
        raise UserError(
            f"model.pattern={','.join(matched.pattern)} cannot be given {target} parameters "
            f"outside its tables: the nearest is {reached} with model.width={matched.width}; take "
            f"that as the target, or another number of blocks."
        )
    return matched


@lru_cache(maxsize=1024)
def outside(config: ModelConfig) -> int:
    """The parameters outside the tables, which do not depend on the data's sizes."""
    if not config.input_size:
        config = replace(config, vocabulary_size=config.vocabulary_size or 2)
    return models.count_parameters(replace(config, outputs=config.outputs or 1))[1]


def _at_width(config: ModelConfig, width: int, step: int) -> ModelConfig:
    """The config at another width, in proportion."""

    def scaled(size):
        return max(step, step * round(size * width / config.width / step))

    return replace(
        config,
        width=width,
        feed_forward_size=scaled(config.feed_forward_size),
        inner_size=scaled(config.inner_size),
    )


def _widest(config: ModelConfig, target: int, step: int) -> ModelConfig:
    """The largest width, a multiple of `step`, that does not exceed the target; else the least."""

    def count(units: int) -> int:
        return outside(_at_width(config, units * step, step))

    # Counting traces the model, so the search starts near its end: parameters grow with the square.
    units, guess = 0, max(1, round(config.width / step))
    for _ in range(4):
        if guess == units:
            break
        units, guess = guess, max(1, round(guess * math.sqrt(target / count(guess))))
    while units > 1 and count(units) > target:
        units -= 1
    while count(units + 1) <= target:
        units += 1
    return _at_width(config, units * step, step)


def _adjusted(config: ModelConfig, target: int, field: str, step: int) -> ModelConfig:
    """The config with one size moved by multiples of `step` to come nearest to the target."""
    size, count = getattr(config, field), outside(config)
    slope = outside(replace(config, **{field: size + step})) - count
    if slope == 0:
        return config
    return replace(config, **{field: max(step, size + step * round((target - count) / slope))})
