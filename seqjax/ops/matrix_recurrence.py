"""Linear recurrences whose state is a matrix from keys to values, written to by outer products.

They are evaluated step by step or in chunks. In chunks, all steps of a chunk at once are products
of matrices, and a chunk maps the state before it to the state after it, `S -> M S + N`; these maps
are applied one after the other, or composed in a parallel prefix.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from seqjax.ops.measured import choose
from seqjax.ops.platform import target_platform
from seqjax.ops.sharded_recurrence import of_last_piece, on_first_piece, start_of_piece
from seqjax.ops.triangular import unit_lower_inverse

METHODS = ("auto", "sequential", "chunked", "associative")
CHUNK_SIZE = 64


def gated_linear_attention(
    query: Float[Array, "batch time #heads key"],
    key: Float[Array, "batch time #heads key"],
    value: Float[Array, "batch time heads value"],
    log_decay: Float[Array, "batch time heads"],
    state: Float[Array, "batch heads key value"],
    *,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
    method: str = "auto",
    axis: str | None = None,
) -> tuple[Float[Array, "batch time heads value"], Float[Array, "batch heads key value"]]:
    """`S_t = exp(log_decay_t) S_{t-1} + k_t v_tᵀ`, `y_t = S_tᵀ q_t`: all `y`, the last `S`.

    The recurrence of state space duality (Dao and Gu 2024, equation 2 with a scalar A), where
    queries and keys are called C and B; one of each may serve all heads. No `log_decay` is above
    0. A step where `mask` is false leaves the state unchanged (its `y` means nothing); a step where
    `reset` is true starts from zeros. `method`: `sequential` is one loop over time; `chunked` a
    loop over chunks of at most `CHUNK_SIZE` steps, all equal; `associative` has a parallel prefix
    in its place; `auto` picks. States and sums are float32; products within a chunk take the dtype
    of `key`. Inside `jax.shard_map`, `axis` names the mesh axis over which time is spread; `state`
    is the one before the first device's steps and the returned one that after the last's, on every
    device.
    """
    return _recurrence(query, key, value, log_decay, None, state, mask, reset, method, axis)


def gated_delta_rule(
    query: Float[Array, "batch time heads key"],
    key: Float[Array, "batch time heads key"],
    value: Float[Array, "batch time heads value"],
    log_decay: Float[Array, "batch time heads"],
    beta: Float[Array, "batch time heads"],
    state: Float[Array, "batch heads key value"],
    *,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
    method: str = "auto",
    axis: str | None = None,
) -> tuple[Float[Array, "batch time heads value"], Float[Array, "batch heads key value"]]:
    """`S_t = α_t (I - β_t k_t k_tᵀ) S_{t-1} + β_t k_t v_tᵀ`, `y_t = S_tᵀ q_t`, α = exp(log_decay).

    The gated delta rule (Yang et al. 2025, equation 10, here with S transposed). With keys of
    length 1, β up to 1 replaces what the state holds for a key, and β up to 2 has eigenvalues down
    to -1 (Grazzi et al. 2025). In a chunk, `u_t = β_t (v_t - α_t S_{t-1}ᵀ k_t)`, the vectors that
    are written, solve one triangular system, the UT transform of their section 3.3. Otherwise as
    `gated_linear_attention`.
    """
    return _recurrence(query, key, value, log_decay, beta, state, mask, reset, method, axis)


def resolve_method(
    method: str, operation: str, platform: str, *, batch: int, time: int, width: int
) -> str:
    """What `auto` stands for: the fastest as measured, or chunks where nothing was measured.

    `width` is the size of the values of all heads.
    """
    if method != "auto":
        return method
    if time == 1:
        return "sequential"
    return choose(operation, platform, batch=batch, time=time, width=width) or "chunked"


def _recurrence(query, key, value, log_decay, beta, state, mask, reset, method, axis):
    if mask is not None:
        log_decay = jnp.where(mask[..., None], log_decay, 0)
        key = jnp.where(mask[..., None, None], key, 0)
    if reset is None:
        reset = jnp.zeros(key.shape[:2], bool)
    operation = "gated_linear_attention" if beta is None else "gated_delta_rule"
    batch, time, *heads_value = value.shape
    width = math.prod(heads_value)
    method = resolve_method(
        method, operation, target_platform(), batch=batch, time=time, width=width
    )
    if axis is not None:
        state = on_first_piece(state, axis=axis)
    steps = query, key, value, log_decay, beta, reset
    if method == "sequential":
        y, state = _step_by_step(*steps, _start_step_by_step(steps, state, axis))
    else:
        y, state = _in_chunks(*steps, state, _ACROSS[method], axis)
    return y, state if axis is None else of_last_piece(state, axis=axis)


def _step_by_step(query, key, value, log_decay, beta, reset, state):
    def step(S, slices):
        q, k, v, g, b, start = slices
        S = jnp.where(start[:, None, None, None], 0, jnp.exp(g)[..., None, None] * S)
        if b is not None:
            v = b[..., None] * (v - (S * k[..., None]).sum(-2))
        S = S + k[..., None] * v[..., None, :]
        return S, (S * q[..., None]).sum(-2)

    slices = jax.tree.map(
        lambda x: x.swapaxes(0, 1).astype(jnp.float32),
        (query, key, value, log_decay, beta),
    )
    state, y = lax.scan(step, state, (*slices, reset.T))
    return y.swapaxes(0, 1), state


def _start_step_by_step(steps, state, axis):
    """The state before this device's steps, which take one run each for the parts of their map."""
    if axis is None:
        return state
    query, key, _, *others = steps
    identity = jnp.zeros_like(state[..., :1]) + jnp.eye(key.shape[-1])[None, None]
    _, through = _step_by_step(query, key, jnp.zeros_like(query), *others, identity)
    _, added = _step_by_step(*steps, jnp.zeros_like(state))
    return start_of_piece(through, added, state, jnp.matmul, axis=axis)


def _in_chunks(query, key, value, log_decay, beta, reset, state, across, axis):
    time, dtype = key.shape[1], key.dtype
    split = jax.tree.map(_split, (query, key, value, log_decay, beta, reset[..., None]))
    query, key, value, log_decay, beta, reset = split
    decay = _decays(log_decay, reset)

    def product(x, y):
        return jnp.matmul(x.astype(dtype), y.astype(dtype), preferred_element_type=jnp.float32)

    key_to_end = (decay.to_end[..., None] * key).mT
    through = decay.through[..., None, None]
    if beta is None:
        written, apply = value, jnp.multiply
    else:
        # written = solution - read @ S for the state S before the chunk
        system = beta[..., None] * decay.between * product(key, key.mT)
        known = beta[..., None] * jnp.concatenate([decay.from_start[..., None] * key, value], -1)
        solution = jnp.matmul(unit_lower_inverse(system), known, precision="highest")
        read, written = jnp.split(solution, [key.shape[-1]], axis=-1)
        identity = jnp.eye(key.shape[-1]).reshape((1,) * 3 + (key.shape[-1],) * 2)
        through = through * identity - product(key_to_end, read)
        apply = jnp.matmul
    added = product(key_to_end, written)
    if axis is not None:
        state = start_of_piece(*_composed(through, added, apply), state, apply, axis=axis)
    starts, state = across(through, added, state, apply)
    if beta is not None:
        written = written - product(read, starts)
    y = product(product(query, key.mT) * decay.between, written)
    y = y + decay.from_start[..., None] * product(query, starts)
    return _join(y, time), state


class _Decays(NamedTuple):
    """Products of decays within a chunk; 0 where a reset lies between."""

    between: Float[Array, "chunks batch heads time time"]  # from the second step to the first
    from_start: Float[Array, "chunks batch heads time"]  # from before the chunk
    to_end: Float[Array, "chunks batch heads time"]
    through: Float[Array, "chunks batch heads"]  # from before the chunk to its end


def _decays(log_decay, reset):
    segment = jnp.cumsum(reset, axis=-1)
    visible = jnp.tril(segment[..., :, None] == segment[..., None, :])

    def sums(x):
        # Each over its own segment, so that the gradient stays in it, to the last bit.
        return jnp.einsum(
            "cbts,cbhs->cbht", visible[:, :, 0].astype(x.dtype), x, precision="highest"
        )

    def differences(totals):
        return totals[..., :, None] - totals[..., None, :]

    total = sums(log_decay)
    # What rounding took off the sums: without it, two neighbours late in a chunk of strong decays
    # would get the difference of two large numbers.
    before = jnp.pad(total[..., :-1], ((0, 0),) * 3 + ((1, 0),))
    lost = log_decay - (total - jnp.where(reset, 0, before))
    between = differences(total) + differences(sums(lax.stop_gradient(lost)))
    between = jnp.exp(jnp.where(visible, between, -jnp.inf))
    from_start = jnp.where(segment == 0, jnp.exp(total), 0)
    return _Decays(between, from_start, between[..., -1, :], from_start[..., -1])


def _one_by_one(through, added, state, apply: Callable[[Array, Array], Array]):
    """The states before each chunk, and the one after the last."""

    def step(S, slices):
        through_t, added_t = slices
        return apply(through_t, S) + added_t, S

    state, starts = lax.scan(step, state, (through, added))
    return starts, state


def _prefix(through, added, state, apply: Callable[[Array, Array], Array]):
    def compose(first, second):
        return apply(second[0], first[0]), apply(second[0], first[1]) + second[1]

    through, added = lax.associative_scan(compose, (through, added))
    ends = apply(through, state[None]) + added
    return jnp.concatenate([state[None], ends[:-1]]), ends[-1]


_ACROSS = {"chunked": _one_by_one, "associative": _prefix}


def _composed(through, added, apply: Callable[[Array, Array], Array]):
    """The map of all chunks."""

    def step(composed, chunk):
        through_t, added_t = chunk
        return (apply(through_t, composed[0]), apply(through_t, composed[1]) + added_t), None

    return lax.scan(step, (through[0], added[0]), (through[1:], added[1:]))[0]


def _split(x):
    """`[batch, time, heads, …]` as `[chunks, batch, heads, size, …]`, with zeros at the end."""
    batch, time, heads, *rest = x.shape
    size = -(-time // -(-time // CHUNK_SIZE))  # as few chunks, with less to fill up
    x = jnp.pad(x, ((0, 0), (0, -time % size), *[(0, 0)] * (x.ndim - 2)))
    x = x.reshape(batch, -1, size, heads, *rest)
    return jnp.moveaxis(x, (1, 3), (0, 2))


def _join(y, time):
    """`[chunks, batch, heads, size, value]` as `[batch, time, heads, value]`."""
    chunks, batch, heads, size, value = y.shape
    y = jnp.moveaxis(y, (0, 2), (1, 3)).reshape(batch, chunks * size, heads, value)
    return y[:, :time]
