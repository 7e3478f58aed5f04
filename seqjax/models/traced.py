"""The arithmetic of a traced program, loops counted as often as they run."""

import math
from collections.abc import Iterator
from typing import Any

# One operation an element; transcendental functions count as one, as XLA counts them.
ELEMENTWISE = """
    abs add add_any complex conj cos div erf exp exp2 expm1 imag integer_pow log log1p logistic max
    min mul neg pow real rsqrt select_n sign sin sqrt square sub tanh
"""
REDUCTIONS = (
    "cumlogsumexp cummax cummin cumprod cumsum reduce_max reduce_min reduce_prod reduce_sum"
)


def operations(
    program: Any,
    *,
    unknown_trips: int | float = 1,
    times: int | float = 1,
    outer: tuple[str, ...] = (),
) -> Iterator[tuple[Any, tuple[str, ...], int | float]]:
    """Every equation of a jaxpr that computes, as (equation, name scopes, how often it runs).

    Of a conditional, the branch with the most FLOPs; a `while` runs `unknown_trips` times.
    """
    for equation in program.eqns:
        scope = (*outer, *str(equation.source_info.name_stack).split("/"))
        inner = [
            getattr(each, "jaxpr", each)
            for value in equation.params.values()
            for each in (value if isinstance(value, (tuple, list)) else (value,))
        ]
        inner = [each for each in inner if hasattr(each, "eqns")]
        repeated = times * equation.params.get("length", 1)
        if equation.primitive.name == "while":
            inner, repeated = [equation.params["body_jaxpr"].jaxpr], times * unknown_trips
        elif equation.primitive.name == "cond":
            inner = [max(inner, key=lambda branch: flops(branch, unknown_trips=unknown_trips))]
        elif equation.primitive.name == "pallas_call":
            repeated = times * math.prod(equation.params["grid_mapping"].grid)
        if not inner:
            yield equation, scope, times
        for each in inner:
            yield from operations(each, unknown_trips=unknown_trips, times=repeated, outer=scope)


def flops(program: Any, *, unknown_trips: int | float = 1) -> int:
    """The floating-point operations of a jaxpr: those of its products, and one an element."""
    counted = operations(program, unknown_trips=unknown_trips)
    return round(
        sum(
            times * (product_flops(equation) or _elements(equation))
            for equation, _, times in counted
        )
    )


def product_flops(equation: Any) -> int:
    """The FLOPs of a product of matrices; 0 for any other equation."""
    if equation.primitive.name != "dot_general":
        return 0
    (contracted, _), _ = equation.params["dimension_numbers"]
    summed = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
    return 2 * math.prod(equation.outvars[0].aval.shape) * summed


def _elements(equation: Any) -> int:
    name = equation.primitive.name
    if name in ELEMENTWISE.split():
        return math.prod(equation.outvars[0].aval.shape)
    if name in REDUCTIONS.split():
        return math.prod(equation.invars[0].aval.shape)
    return 0
