"""Beam search: the best of several hypotheses that are written side by side.

A hypothesis `y` is worth `log p(y) / ((5 + |y|) / 6)^α` (Wu et al. 2016, equation 14, without the
coverage penalty), its END counted. The first beam is the greedy hypothesis, whatever it is worth
beside the others, so that no search ends with a worse one; a search with one beam is greedy.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from seqjax.data.tokenizers import PADDING
from seqjax.tasks.decoding import Step

Reorder = Callable[[Any, Int[Array, " rows"]], Any]


class Hypotheses(NamedTuple):
    """Texts of every row of the batch, with the sum of their tokens' log probabilities."""

    tokens: Int[Array, "batch beams count"]
    log_p: Float[Array, "batch beams"]


class Beams(NamedTuple):
    """Where a search stands; rows of `logits` and `carry` are `batch · beams`."""

    number: Int[Array, ""]  # of the next token
    logits: Float[Array, "rows vocabulary"]
    carry: Any
    live: Hypotheses
    ended: Hypotheses  # the most worthy so far; log_p is minus infinity where there are fewer
    worth: Float[Array, "batch beams"]  # of those that ended
    found: Int[Array, " batch"]  # how many have ended, those that were dropped included
    greedy_ended: Bool[Array, " batch"]


def worth(log_p: Float[Array, "..."], length: Array | int, length_penalty: float) -> Array:
    """`log_p / ((5 + length) / 6)^length_penalty`."""
    return log_p / ((5.0 + length) / 6.0) ** length_penalty


def beam_search(
    step: Step,
    reorder: Reorder,
    logits: Float[Array, "rows vocabulary"],
    carry: Any,
    beams: int,
    count: int,
    *,
    end: int,
    length_penalty: float,
) -> tuple[Int[Array, "batch count"], Float[Array, " batch"]]:
    """The most worthy text of every row of the batch, at most `count` tokens, and its worth.

    `logits` and `carry` are those before the first token, every row of the batch `beams` times, one
    after the other; `reorder(carry, rows)` is the carry of these rows. A token that must not be
    written has the logit minus infinity. After `end` comes PADDING. A row's search is over when as
    many hypotheses as there are beams have ended, and the greedy one among them; at the last token,
    those that have not ended count as well.
    """
    batch = logits.shape[0] // beams
    nothing = Hypotheses(
        jnp.full((batch, beams, count), PADDING, jnp.int32),
        jnp.full((batch, beams), -jnp.inf),
    )
    start = Beams(
        number=jnp.zeros((), jnp.int32),
        logits=logits,
        carry=carry,
        live=nothing._replace(log_p=nothing.log_p.at[:, 0].set(0.0)),  # the same text counts once
        ended=nothing,
        worth=nothing.log_p,
        found=jnp.zeros(batch, jnp.int32),
        greedy_ended=jnp.zeros(batch, bool),
    )

    def over(state: Beams) -> Bool[Array, " batch"]:
        return (state.found >= beams) & state.greedy_ended

    def goes_on(state: Beams) -> Bool[Array, ""]:
        return (state.number < count) & ~over(state).all()

    def write(state: Beams) -> Beams:
        grown, parents, ends = grow(state, end)
        state = collect(state, grown, ends, over(state), length_penalty)
        live, parents = survivors(grown, parents, ends, beams)
        rows = (jnp.arange(batch)[:, None] * beams + parents).reshape(-1)
        last = lax.dynamic_index_in_dim(live.tokens, state.number, axis=2, keepdims=False)
        logits, carry = step(last.reshape(-1), reorder(state.carry, rows))
        return state._replace(number=state.number + 1, logits=logits, carry=carry, live=live)

    final = lax.while_loop(goes_on, write, start)
    unended = jnp.where(
        over(final)[:, None], -jnp.inf, worth(final.live.log_p, count, length_penalty)
    )
    worths = jnp.concatenate([final.worth, unended], axis=1)
    texts = jnp.concatenate([final.ended.tokens, final.live.tokens], axis=1)
    best = worths.argmax(axis=1)[:, None]
    chosen = jnp.take_along_axis(texts, best[..., None], axis=1)[:, 0]
    return chosen, jnp.take_along_axis(worths, best, axis=1)[:, 0]


def grow(
    state: Beams, end: int
) -> tuple[Hypotheses, Int[Array, "batch beams2"], Bool[Array, "batch beams2"]]:
    """The `2 · beams` best texts of one token more, best first but for the greedy one at the head.

    With each comes the beam that it grew from, and whether it ends. At most half of them do, so
    that as many as there are beams go on.
    """
    batch, beams = state.live.log_p.shape
    vocabulary = state.logits.shape[-1]
    log_p = jax.nn.log_softmax(state.logits).reshape(batch, beams, vocabulary)
    total = state.live.log_p[..., None] + log_p
    greedy = log_p[:, 0].argmax(axis=-1)
    first = jnp.where(state.greedy_ended, total[jnp.arange(batch), 0, greedy], jnp.inf)
    ranked = total.at[jnp.arange(batch), 0, greedy].set(first)
    _, best = lax.top_k(ranked.reshape(batch, -1), 2 * beams)
    parents, tokens = best // vocabulary, (best % vocabulary).astype(jnp.int32)
    texts = jnp.take_along_axis(state.live.tokens, parents[..., None], axis=1)
    texts = lax.dynamic_update_index_in_dim(texts, tokens, state.number, axis=2)
    log_p = jnp.take_along_axis(total.reshape(batch, -1), best, axis=1)
    return Hypotheses(texts, log_p), parents, tokens == end


def collect(
    state: Beams,
    grown: Hypotheses,
    ends: Bool[Array, "batch beams2"],
    over: Bool[Array, " batch"],
    length_penalty: float,
) -> Beams:
    """The state with the texts that end, where they are among the `beams` best of this token."""
    beams = state.live.log_p.shape[1]
    new = jax.tree.map(lambda array: array[:, :beams], grown)
    new_ends = ends[:, :beams] & jnp.isfinite(new.log_p) & ~over[:, None]
    new_worth = jnp.where(new_ends, worth(new.log_p, state.number + 1, length_penalty), -jnp.inf)
    worths = jnp.concatenate([state.worth, new_worth], axis=1)
    worths, best = lax.top_k(worths, beams)

    def pick(old, new):
        both = jnp.concatenate([old, new], axis=1)
        return jnp.take_along_axis(both, best.reshape(best.shape + (1,) * (both.ndim - 2)), axis=1)

    return state._replace(
        ended=jax.tree.map(pick, state.ended, new),
        worth=worths,
        found=state.found + new_ends.sum(axis=1),
        greedy_ended=state.greedy_ended | ends[:, 0],
    )


def survivors(
    grown: Hypotheses,
    parents: Int[Array, "batch beams2"],
    ends: Bool[Array, "batch beams2"],
    beams: int,
) -> tuple[Hypotheses, Int[Array, "batch beams"]]:
    """The first `beams` texts that go on, in their order."""
    order = jnp.argsort(ends, axis=1, stable=True)[:, :beams]
    texts = jnp.take_along_axis(grown.tokens, order[..., None], axis=1)
    log_p = jnp.take_along_axis(grown.log_p, order, axis=1)
    return Hypotheses(texts, log_p), jnp.take_along_axis(parents, order, axis=1)
