"""The products of the article's train step and nothing else: what this machine's arithmetic takes.

The matrices have the shapes that they have in training, those of a recurrence one after another in
a loop over time; attention's are worked off in blocks of one head's queries, which the cache holds.
The batch is spread over as many CPU devices as there are cores, or whole on one: whichever is
faster here is kept.
"""

import os

os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(os.cpu_count()))

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import PartitionSpec

from seqjax.benchmarking.conversation import answer_requests
from seqjax.models.traced import operations, product_flops
from seqjax.training.run import versions

QUERIES = 128  # of a head at a time
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def recurrent(settings: dict[str, Any], x: Array, weights: Iterator[Array]) -> list[Array]:
    """The input's product, the recurrent one of each step, and the two gradients of each."""
    gates, width = GATES[settings["model"]], settings["width"]
    into, recurrent = next(weights)[: x.shape[-1]], next(weights)

    # Orthogonal matrices keep the size of a state and of its gradient over any number of steps.
    def forward(h: Array, _: None) -> tuple[Array, Array]:
        product = h @ recurrent
        return product[:, :width], product

    def backward(gradient: Array, _: None) -> tuple[Array, Array]:
        product = gradient @ recurrent.T
        return jnp.tile(product, (1, gates)) / gates, product

    h, products = lax.scan(forward, jnp.ones((x.shape[1], width)), None, length=len(x))
    _, to_h = lax.scan(backward, jnp.tile(h, (1, gates)), None, length=len(x))
    x, products, to_h = (array.reshape(-1, array.shape[-1]) for array in (x, products, to_h))
    return [x @ into, products @ into.T, x.T @ products, to_h.T @ products]


def transformer(settings: dict[str, Any], x: Array, weights: Iterator[Array]) -> list[Array]:
    """The products of all blocks, and the two gradients of each."""
    size, heads = settings["embedding_size"], settings["heads"]
    time, batch = x.shape[:2]
    block = math.gcd(time, QUERIES)
    results = []

    def linear(rows: Array, columns: int) -> Array:
        weight = next(weights)[: rows.shape[-1], :columns]
        product = rows @ weight
        results.extend([product @ weight.T, rows.T @ product])
        return product

    def attend(head: tuple[Array, Array, Array]) -> tuple[Array, ...]:
        query, key, value = head
        return lax.map(partial(attend_block, key, value), query.reshape(-1, block, query.shape[-1]))

    def attend_block(key: Array, value: Array, query: Array) -> tuple[Array, ...]:
        attended = query @ key.T
        output = attended @ value
        gradient = output @ value.T
        return output, attended.T @ output, gradient @ key, gradient.T @ query

    rows = x.reshape(-1, size)
    for _ in range(settings["layers"]):
        projected = [linear(rows, size) for _ in range(3)]
        of_heads = [each.reshape(time, batch * heads, -1).swapaxes(0, 1) for each in projected]
        output, *gradients = lax.map(attend, tuple(of_heads))
        results.extend(gradients)
        output = output.reshape(batch * heads, time, -1).swapaxes(0, 1)
        rows = linear(output.reshape(rows.shape) / time**2, size)
        rows = linear(linear(rows, settings["feed_forward_size"]), size)
    return [rows, *results]


def prepare(settings: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], None]]:
    """The faster of the two layouts, compiled."""
    model = transformer if settings["model"] == "transformer" else recurrent
    x = jnp.ones((settings["time"], settings["batch"], settings["embedding_size"]))
    width = settings["width"]
    random = partial(jax.random.normal, shape=(width, width))
    orthogonal = [jnp.linalg.qr(random(jax.random.key(k)))[0] for k in range(12)]
    weights = jnp.tile(jnp.stack(orthogonal), (1, 1, 4))
    if model is recurrent:
        weights = weights[:, :, : GATES[settings["model"]] * width]

    def products(x: Array, weights: Array) -> Array:
        results = model(settings, x, (weights[k] for k in count()))
        return jnp.stack([jnp.sum(result) for result in results])[None]

    def on(devices: list[jax.Device]) -> Callable[[], None]:
        # Each device works on its rows alone, and none of the results are brought together.
        mesh = jax.make_mesh((len(devices),), ("data",), devices=devices)
        rows = PartitionSpec(None, "data")
        alone = jax.shard_map(
            products,
            mesh=mesh,
            in_specs=(rows, PartitionSpec()),
            out_specs=PartitionSpec("data"),
            check_vma=False,
        )
        placed = (
            jax.device_put(x, jax.NamedSharding(mesh, rows)),
            jax.device_put(weights, jax.NamedSharding(mesh, PartitionSpec())),
        )
        execute = jax.jit(alone).lower(*placed).compile()
        return lambda: jax.block_until_ready(execute(*placed))

    devices = jax.devices() if settings["batch"] % jax.device_count() == 0 else jax.devices()[:1]
    layouts = [on(devices[:1])] + ([on(devices)] if len(devices) > 1 else [])
    taken = [median_seconds(layout, settings["warm_up"]) for layout in layouts]
    faster = taken.index(min(taken))
    traced = jax.make_jaxpr(products)(x, weights).jaxpr
    return {
        "flops": sum(times * product_flops(equation) for equation, _, times in operations(traced)),
        "devices": (1, len(devices))[faster],
        "versions": versions(),
    }, layouts[faster]


def median_seconds(call: Callable[[], None], calls: int) -> float:
    """How long a call takes after the first."""
    call()
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    answer_requests(prepare)
