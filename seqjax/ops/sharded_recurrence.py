"""Linear recurrences whose time is spread over the devices of a mesh axis, inside `jax.shard_map`.

Each device holds the same number of consecutive steps, its piece. All steps of a piece at once map
the state before it to the state after it, `h -> through h + added`. The maps of all pieces before a
device's own are composed in log₂(devices) exchanges of one map, by recursive doubling (Hillis and
Steele 1986); the state they give is where the device starts. A map is as large as a state, or a
matrix for each state, whatever the length of the piece.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact


def on_first_piece(
    state: Inexact[Array, "*state"], *, axis: str, reverse: bool = False
) -> Inexact[Array, "*state"]:
    """The state on the device of the first piece, zeros on the others."""
    return jnp.where(_place(axis, reverse) == 0, state, 0)


def start_of_piece(
    through: Inexact[Array, "*map"],
    added: Inexact[Array, "*state"],
    first: Inexact[Array, "*state"],
    apply: Callable[[Array, Array], Array],
    *,
    axis: str,
    reverse: bool = False,
) -> Inexact[Array, "*state"]:
    """The state before this device's piece; `first` is as `on_first_piece` returns it.

    `apply(through, state)` is the product of the two, and `apply(second, first)` that of two maps,
    the second one later. `reverse` goes from the last piece to the first.
    """
    pieces = lax.axis_size(axis)
    place = _place(axis, reverse)

    def from_earlier(array, distance):
        step = -distance if reverse else distance
        pairs = [(at, at + step) for at in range(pieces) if 0 <= at + step < pieces]
        return lax.ppermute(array, axis, pairs)

    added = apply(through, first) + added
    for distance in (2**power for power in range((pieces - 1).bit_length())):
        earlier = from_earlier(through, distance), from_earlier(added, distance)
        composed = apply(through, earlier[0]), apply(through, earlier[1]) + added
        through, added = jax.tree.map(
            partial(jnp.where, place >= distance), composed, (through, added)
        )
    return from_earlier(added, 1) + first


def of_last_piece(array: Inexact[Array, "*shape"], *, axis: str) -> Inexact[Array, "*shape"]:
    """The last device's array, on all devices."""
    return lax.psum(jnp.where(_place(axis, reverse=True) == 0, array, 0), axis)


def _place(axis, reverse):
    """How many pieces come before this device's."""
    place = lax.axis_index(axis)
    return lax.axis_size(axis) - 1 - place if reverse else place
