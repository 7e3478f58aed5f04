"""The optimizer of a run, from optax."""

import re
from functools import partial

import jax
import optax
from jaxtyping import Array, Float

from seqjax.models import Params
from seqjax.training.config import OptimizerConfig


def make_optimizer(config: OptimizerConfig, steps: int) -> optax.GradientTransformationExtraArgs:
    """Clipping, the update rule, and a learning rate that is scheduled over `steps`.

    `update` takes the peak of the schedule as `learning_rate`, so that a compiled step serves all.
    """

    def update(updates, state, params=None, *, learning_rate):
        rule = _with_schedule(config, make_schedule(config, steps, learning_rate))
        return rule.update(updates, state, params)

    rule = _with_schedule(config, make_schedule(config, steps, config.learning_rate))
    return optax.GradientTransformationExtraArgs(rule.init, update)


def _with_schedule(
    config: OptimizerConfig, schedule: optax.Schedule
) -> optax.GradientTransformation:
    rule = {
        "adam": lambda: optax.adam(schedule, config.beta1, config.beta2, config.epsilon),
        "adamw": lambda: optax.adamw(
            schedule,
            config.beta1,
            config.beta2,
            config.epsilon,
            weight_decay=config.weight_decay,
            mask=partial(matching, config.decayed),
        ),
        "sgd": lambda: optax.sgd(schedule, config.momentum or None),
    }[config.name]()
    parts = [rule]
    if config.clip_norm:
        parts.insert(0, optax.clip_by_global_norm(config.clip_norm))
    if config.frozen:
        parts.append(optax.transforms.freeze(partial(matching, config.frozen)))
    return optax.chain(*parts) if len(parts) > 1 else rule


def make_schedule(
    config: OptimizerConfig, steps: int, peak: float | Float[Array, ""]
) -> optax.Schedule:
    """The learning rate by step: linear from 0 to `peak`, then constant, linear or cosine."""
    after = max(steps - config.warmup_steps, 1)
    decay = {
        "constant": lambda: optax.constant_schedule(peak),
        "linear": lambda: optax.linear_schedule(peak, peak * config.final_fraction, after),
        "cosine": lambda: optax.cosine_decay_schedule(peak, after, alpha=config.final_fraction),
    }[config.schedule]()
    if not config.warmup_steps:
        return decay
    warmup = optax.linear_schedule(0.0, peak, config.warmup_steps)
    return optax.join_schedules([warmup, decay], [config.warmup_steps])


def matching(patterns: tuple[str, ...], params: Params) -> Params:
    """True for the parameters whose full path, such as `head/logits/kernel`, fits a pattern."""

    def fits(path, _):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        return any(re.fullmatch(pattern, name) for pattern in patterns)

    return jax.tree.map_with_path(fits, params)
