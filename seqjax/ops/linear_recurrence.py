"""Linear recurrences with a diagonal matrix, `h_t = a_t ⊙ h_{t-1} + b_t`, in several ways.

All ways give the same numbers. The gradient is our own: for `g_t`, the gradient of the loss by
`h_t` through all later steps, it is one linear recurrence backward in time, evaluated in the same
way, `g_t = ∂L/∂h_t + a_{t+1} ⊙ g_{t+1}`; then `∂L/∂b_t = g_t` and `∂L/∂a_t = g_t ⊙ h_{t-1}`.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Inexact

from seqjax.ops.measured import choose
from seqjax.ops.platform import target_platform
from seqjax.ops.sharded_recurrence import of_last_piece, on_first_piece, start_of_piece

METHODS = ("auto", "sequential", "associative", "chunked")
FAN_OUT = 8


def linear_recurrence(
    a: Inexact[Array, "time batch width"],
    b: Inexact[Array, "time batch width"],
    state: Inexact[Array, "batch width"],
    *,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    method: str = "auto",
    axis: str | None = None,
) -> tuple[Inexact[Array, "time batch width"], Inexact[Array, "batch width"]]:
    """The states `h_1 … h_T` and the last of them, started from `state`; float32 or complex64.

    A step where `mask` is false leaves the state unchanged; a step where `reset` is true starts
    from zeros. `method`: `sequential` is one loop over time; `associative` a parallel prefix
    (Blelloch 1990) on a tree of `FAN_OUT` branches, of depth O(log T); `chunked` three loops of
    O(√T) steps each, over the places in a chunk, the chunks, and the places again; `auto` picks.
    Both read `a` and `b` twice, since what they know of a chunk is only what it does as a whole.
    Inside `jax.shard_map`, `axis` names the mesh axis over which time is spread; `state` is the one
    before the first device's steps and the returned one that after the last's, on every device.
    """
    dtype = jnp.result_type(a, b, state)
    a, b, state = a.astype(dtype), b.astype(dtype), state.astype(dtype)
    if mask is not None:
        a = jnp.where(mask[..., None], a, 1)
        b = jnp.where(mask[..., None], b, 0)
    if reset is not None:
        a = jnp.where(reset[..., None], 0, a)
    time, batch, width = b.shape
    method = resolve_method(method, target_platform(), batch=batch, time=time, width=width)
    if axis is None:
        states = _evaluate(method, a, b, state)
        return states, states[-1]
    states = _evaluate_sharded(method, axis, a, b, on_first_piece(state, axis=axis))
    return states, of_last_piece(states[-1], axis=axis)


def resolve_method(method: str, platform: str, *, batch: int, time: int, width: int) -> str:
    """What `auto` stands for: the fastest as measured, or a guess where nothing was measured."""
    if method != "auto":
        return method
    if time == 1:
        return "sequential"
    guess = "sequential" if platform == "cpu" else "associative"
    return choose("linear_recurrence", platform, batch=batch, time=time, width=width) or guess


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _evaluate(method, a, b, state):
    return _EVALUATIONS[method](a, b, state, reverse=False)


def _evaluate_forward(method, a, b, state):
    states = _evaluate(method, a, b, state)
    return states, (a, state, states)


def _evaluate_backward(method, saved, gradient):
    a, state, states = saved
    a_next = jnp.concatenate([a[1:], jnp.zeros_like(a[:1])])
    to_b = _EVALUATIONS[method](a_next, gradient, jnp.zeros_like(state), reverse=True)
    before = jnp.concatenate([state[None], states[:-1]])
    return to_b * before, to_b, a[0] * to_b[0]


_evaluate.defvjp(_evaluate_forward, _evaluate_backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _evaluate_sharded(method, axis, a, b, first):
    return _evaluate_sharded_forward(method, axis, a, b, first)[0]


def _evaluate_sharded_forward(method, axis, a, b, first):
    through, added = _composed(a, b, reverse=False)
    start = start_of_piece(through, added, first, jnp.multiply, axis=axis)
    return _evaluate_forward(method, a, b, start)


def _evaluate_sharded_backward(method, axis, saved, gradient):
    """What comes from later devices is one more gradient of this device's last state.

    It is a state of `a_t ⊙ g_t = a_t ⊙ (a_{t+1} ⊙ g_{t+1} + ∂L/∂h_t)`, backward in time.
    """
    a, start, _ = saved
    through, added = _composed(a, a * gradient, reverse=True)
    later = start_of_piece(
        through, added, jnp.zeros_like(start), jnp.multiply, axis=axis, reverse=True
    )
    return _evaluate_backward(method, saved, gradient.at[-1].add(later))


_evaluate_sharded.defvjp(_evaluate_sharded_forward, _evaluate_sharded_backward)


def _sequential(a, b, state, *, reverse):
    def step(h, slices):
        a_t, b_t = slices
        h = a_t * h + b_t
        return h, h

    return lax.scan(step, state, (a, b), reverse=reverse)[1]


def _associative(a, b, state, *, reverse):
    if len(a) <= FAN_OUT:
        return jnp.stack(_walk(list(zip(a, b, strict=True)), state, reverse))
    time = len(a)
    a, b = _in_chunks(a, FAN_OUT, 1), _in_chunks(b, FAN_OUT, 0)
    places = [(a[:, place], b[:, place]) for place in range(FAN_OUT)]
    ends = _associative(*_composition(places, reverse), state, reverse=reverse)
    before = (ends[1:], state[None]) if reverse else (state[None], ends[:-1])
    states = _walk(places, jnp.concatenate(before), reverse)
    return _joined(jnp.stack(states, axis=1), time)


def _chunked(a, b, state, *, reverse):
    time = len(a)
    # The depth 2 size + time / size is least at √(time / 2); powers of 2 divide most lengths.
    size = 2 ** max(0, round(math.log2(time / 2) / 2))
    a, b = _in_chunks(a, size, 1), _in_chunks(b, size, 0)
    take = partial(lax.dynamic_index_in_dim, axis=1, keepdims=False)

    def compose(composed, place):
        through, added = composed
        a_t = take(a, place)
        return (a_t * through, a_t * added + take(b, place)), None

    def across(h, chunk):
        through, added = chunk
        return through * h + added, h

    def step(carried, place):
        h, states = carried
        h = take(a, place) * h + take(b, place)
        return (h, lax.dynamic_update_index_in_dim(states, h, place, axis=1)), None

    places = jnp.arange(size)
    identity = jnp.ones_like(a[:, 0]), jnp.zeros_like(b[:, 0])
    chunks, _ = lax.scan(compose, identity, places, reverse=reverse)
    _, starts = lax.scan(across, state, chunks, reverse=reverse)
    (_, states), _ = lax.scan(step, (starts, jnp.zeros_like(b)), places, reverse=reverse)
    return _joined(states, time)


def _composed(a, b, reverse):
    """`through` and `added` of all steps at once, `h -> through h + added`."""
    while len(a) > FAN_OUT:
        a, b = _in_chunks(a, FAN_OUT, 1), _in_chunks(b, FAN_OUT, 0)
        places = [(a[:, place], b[:, place]) for place in range(FAN_OUT)]
        a, b = _composition(places, reverse)
    return _composition(list(zip(a, b, strict=True)), reverse)


def _composition(steps, reverse):
    (through, added), *later = _in_order(steps, reverse)
    for a_t, b_t in later:
        through, added = a_t * through, a_t * added + b_t
    return through, added


def _walk(steps, h, reverse):
    """The states in the order of time, without a loop in the program."""
    states = []
    for a_t, b_t in _in_order(steps, reverse):
        h = a_t * h + b_t
        states.append(h)
    return _in_order(states, reverse)


def _in_order(steps, reverse):
    return steps[::-1] if reverse else steps


def _in_chunks(x, size, filling):
    """`[time, …]` as `[chunks, size, …]`; what is filled in leaves the state unchanged."""
    x = jnp.pad(x, ((0, -len(x) % size), *[(0, 0)] * (x.ndim - 1)), constant_values=filling)
    return x.reshape(-1, size, *x.shape[1:])


def _joined(x, time):
    """`[chunks, size, …]` as `[time, …]`."""
    return x.reshape(-1, *x.shape[2:])[:time]


_EVALUATIONS = {"sequential": _sequential, "associative": _associative, "chunked": _chunked}
