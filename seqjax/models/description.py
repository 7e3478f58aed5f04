"""What a model is made of: parameters, products and streaming state, part by part."""

from collections import Counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import models
from seqjax.errors import UserError
from seqjax.models.config import ModelConfig
from seqjax.models.mixers import make_mixer
from seqjax.models.stack import segments
from seqjax.models.traced import operations, product_flops


class Part(NamedTuple):
    """A row of the table: the frontend, a block, or the head."""

    name: str
    parameters: int
    flops_per_token: float  # of the products of the forward pass, at the given length
    state_bytes: int | None  # of streaming one sequence of that length; None: cannot stream


def describe(config: ModelConfig, length: int) -> list[Part]:
    """The parts of a model whose sizes are complete, for sequences of `length` steps."""
    shapes, _ = models.abstract(config)
    flops = _flops_by_module(config, shapes, length)

    def part(name: str, path: str, repeats: int, state: int | None) -> Part:
        """One of `repeats` equal parts that are scanned together."""
        tree = shapes
        for key in path.split("/"):
            tree = tree.get(key, {})
        parameters = sum(leaf.size for leaf in jax.tree.leaves(tree))
        products = sum(n for module, n in flops.items() if f"{module}/".startswith(f"{path}/"))
        return Part(name, parameters // repeats, products / repeats / length, state)

    parts = [part(path, path, 1, 0) for path in ("frontend", "to_width") if path in shapes]
    for number, (unit, repeats) in enumerate(segments(config)):
        for _ in range(repeats):
            for place, mixer in enumerate(unit):
                path = f"segment_{number}/block_{place}"
                parts.append(part(mixer, path, repeats, _state_bytes(config, mixer, length)))
    parts += [part(path, path, 1, 0) for path in ("final_norm", "head") if path in shapes]
    return parts


def _state_bytes(config: ModelConfig, mixer: str, length: int) -> int | None:
    """Bytes of a mixer's carry for one sequence of `length` steps."""
    try:
        carry = jax.eval_shape(lambda: make_mixer(mixer, config).init_carry(1, length))
    except UserError:
        return None
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(carry))


def _flops_by_module(config: ModelConfig, shapes: Any, length: int) -> Counter[str]:
    """FLOPs of all products for one sequence, by the path of the module that asks for them."""
    shape = (1, length) if config.vocabulary_size else (1, length, config.input_size)
    dtype = jnp.int32 if config.vocabulary_size else jnp.float32
    traced = jax.make_jaxpr(lambda params, inputs: models.apply(config, params, inputs)[0])(
        shapes, jax.ShapeDtypeStruct(shape, dtype)
    )
    flops: Counter[str] = Counter()
    for equation, scope, times in operations(traced.jaxpr):
        # Flax names scopes after modules (and `module.method`) below the model's own, "Stack".
        modules = [name for name in scope if name and "." not in name]
        flops["/".join(modules[1:])] += times * product_flops(equation)
    return flops
