"""Writing text: tokens one after another from a model that hands on its carry.

A `Step` gives a model one token of every row and gets the logits of the next; a `Choose` picks the
next token from them, with the number of that token for what is drawn at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from seqjax.data.tokenizers import PADDING

Logits = Float[Array, "batch vocabulary"]
Tokens = Int[Array, " batch"]
Step = Callable[[Tokens, Any], tuple[Logits, Any]]
Choose = Callable[[Logits, Int[Array, ""]], Tokens]


class Decoding(NamedTuple):
    """Where the rows of a batch stand."""

    logits: Logits  # of the next token
    carry: Any  # of the model
    done: Bool[Array, " batch"]  # whether the token that ends a row was written


def start(logits: Logits, carry: Any) -> Decoding:
    """Before the first token, the model having read all that comes before it."""
    return Decoding(logits, carry, jnp.zeros(logits.shape[0], bool))


def extend(
    step: Step,
    choose: Choose,
    state: Decoding,
    count: int,
    *,
    end: int,
    first: Int[Array, ""] | int = 0,
) -> tuple[Int[Array, "batch count"], Decoding]:
    """The next `count` tokens of every row, of which the first has the number `first`.

    After the token `end` come only those that pad; where all rows have ended, nothing is computed.
    """

    def goes_on(loop: tuple) -> Bool[Array, ""]:
        number, _, state = loop
        return (number < count) & ~state.done.all()

    def write(loop: tuple) -> tuple:
        number, tokens, state = loop
        token = jnp.where(state.done, PADDING, choose(state.logits, first + number))
        logits, carry = step(token, state.carry)
        done = state.done | (token == end)
        return number + 1, tokens.at[:, number].set(token), Decoding(logits, carry, done)

    tokens = jnp.full((state.done.shape[0], count), PADDING, jnp.int32)
    _, tokens, state = lax.while_loop(goes_on, write, (jnp.zeros((), jnp.int32), tokens, state))
    return tokens, state


def greedy(logits: Logits, number: Int[Array, ""]) -> Tokens:
    """The most probable token."""
    del number
    return logits.argmax(axis=-1).astype(jnp.int32)


@dataclass(frozen=True)
class Sampling:
    """From which of the next tokens one is drawn."""

    temperature: float = 1.0  # logits are divided by it; 0 is the most probable token
    top_k: int = 0  # one of the k most probable; 0: of all
    top_p: float = 1.0  # one of the fewest that have this probability together (Holtzman 2020)

    def chooser(self, seed: int, rows: Int[Array, " batch"]) -> Choose:
        """Draws by `seed`, the row's number and the token's alone."""
        if self.temperature == 0:
            return greedy
        keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.key(seed), row))(rows)

        def choose(logits, number):
            drawing = jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)
            restricted = restrict(logits / self.temperature, self.top_k, self.top_p)
            return jax.vmap(jax.random.categorical)(drawing, restricted).astype(jnp.int32)

        return choose


def restrict(logits: Logits, top_k: int, top_p: float) -> Logits:
    """The logits with minus infinity for all but the `top_k` most probable tokens, and of those all
    but the fewest whose probabilities, most probable first, add up to `top_p`.

    Of equally probable tokens those with the lower ids come first.
    """
    if top_k == 0 and top_p == 1:
        return logits
    order = jnp.argsort(-logits, axis=-1, stable=True)
    ordered = jnp.take_along_axis(logits, order, axis=-1)
    kept = jnp.ones(ordered.shape, bool)
    if top_k:
        size = ordered.shape[-1]
        kept &= jnp.arange(size)[None] < min(top_k, size)  # a k of any size, which int32 is not
    if top_p < 1:
        shares = jax.nn.softmax(jnp.where(kept, ordered, -jnp.inf))
        before = jnp.cumsum(shares, axis=-1) - shares
        kept &= before < top_p
    ranks = jnp.argsort(order, axis=-1)
    return jnp.where(jnp.take_along_axis(kept, ranks, axis=-1), logits, -jnp.inf)
