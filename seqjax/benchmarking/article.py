"""The whole train step of the article's sentiment model, here and in other frameworks.

Every contender is a program of `experiments/peers`, in a process of its own that sleeps while
another one works, with all cores. `products` does the matrix products of the step and nothing
else: its rate is what this machine's arithmetic gives at these shapes.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import seqjax
from seqjax.benchmarking.conversation import Contender, ContenderError
from seqjax.benchmarking.progress import Steps
from seqjax.benchmarking.results import Results
from seqjax.benchmarking.rounds import Turn, interleave
from seqjax.errors import UserError, did_you_mean

ROOT = Path(seqjax.__file__).parents[1]
PROGRAMS = "experiments.peers.{}_peer"
OWN = ("seqjax", "products")
PEERS = ("torch", "keras", "flax")
LENGTHS = {
    "rnn": (64, 256, 1024),
    "lstm": (64, 256, 1024),
    "gru": (64, 256, 1024),
    "transformer": (64, 256, 512, 1024),
}
WARM_UP = 3  # steps
TURN_SECONDS = 0.5
MOST_SECONDS = 30.0  # of one contender
SETTLING_SECONDS = 0.05  # in which the threads of the contender before go to sleep


@dataclass(frozen=True)
class Article:
    """One model of the article at one length."""

    model: str
    time: int
    batch: int = 32
    vocabulary_size: int = 10_000
    embedding_size: int = 64
    width: int = 128
    layers: int = 2
    heads: int = 4
    feed_forward_size: int = 128


def items(models: Sequence[str] | None, lengths: Sequence[int] | None) -> list[Article]:
    """The models and lengths of the issue, or those that are named."""
    for model in models or ():
        if model not in LENGTHS:
            raise UserError(f"--mixers has no {model!r}: {did_you_mean(model, LENGTHS)}")
    return [
        Article(model, length)
        for model in models or LENGTHS
        for length in lengths or LENGTHS[model]
    ]


def measure(
    items: Sequence[Article],
    contenders: Sequence[str],
    peer_python: str,
    rounds: int,
    results: Results,
    console: Console,
) -> list[dict[str, Any]]:
    """A row for every item: each contender's times, and ours over those of the fastest peer."""
    settings = [asdict(item) | {"contenders": list(contenders)} for item in items]
    missing = [each for each in settings if results.find(each) is None]
    with Steps(console, len(settings), len(settings) - len(missing)) as steps:
        for each in missing:
            steps.on(f"{each['model']}, length {each['time']}")
            results.add(each, **compared(each, peer_python, rounds))
            steps.advance()
    return [results.find(each) for each in settings]


def compared(settings: dict[str, Any], peer_python: str, rounds: int) -> dict[str, Any]:
    """The figures of one item."""
    figures: dict[str, Any] = {}
    turns: dict[str, Turn] = {}
    with ExitStack() as stack:
        for name in settings["contenders"]:
            python = sys.executable if name in OWN else peer_python
            command = [python, "-m", PROGRAMS.format(name)]
            contender = stack.enter_context(closing(Contender(name, command, ROOT)))
            started = time.perf_counter()
            try:
                figures[name] = contender.ask(prepare=settings | {"warm_up": WARM_UP})
            except ContenderError as error:
                raise UserError(
                    f"--peers: {error}; --peer_python names a Python that has the extra `bench`, "
                    f"and now is {peer_python}."
                ) from error
            figures[name]["prepare_seconds"] = time.perf_counter() - started
            turns[name] = turn_of(contender)
        timings = interleave(
            turns, rounds=rounds, turn_seconds=TURN_SECONDS, most_seconds=MOST_SECONDS
        )
    flops = figures["products"].pop("flops")
    for name, timing in timings.items():
        figures[name] |= asdict(timing)
        figures[name]["gflops_per_second"] = flops / timing.milliseconds / 1e6
    peers = {name: figures[name]["milliseconds"] for name in PEERS if name in figures}
    if peers:
        fastest = min(peers, key=peers.get)
        figures["fastest_peer"] = fastest
        figures["ratio"] = figures["seqjax"]["milliseconds"] / peers[fastest]
    return {"flops": flops, **figures}


def turn_of(contender: Contender) -> Turn:
    """So many steps of a contender, each timed by itself."""

    def turn(calls: int) -> list[float]:
        time.sleep(SETTLING_SECONDS)
        return contender.ask(steps=calls)["seconds"]

    return turn


def show(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The table of the README."""
    console.print("\n".join(table(rows)), highlight=False, soft_wrap=True, markup=False)


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The rows as Markdown, milliseconds a step."""
    names = [name for name in ("seqjax", *PEERS) if any(name in row for row in rows)]
    yield f"| model | T | {' | '.join(names)} | ratio | GFLOP/s | products alone |"
    yield "|---|---|" + "---|" * (len(names) + 3)
    for row in rows:
        cells = [f"{row[name]['milliseconds']:.1f}" for name in names]
        own, products = row["seqjax"], row["products"]
        ratio = f"{row['ratio']:.2f} × {row['fastest_peer']}" if "ratio" in row else ""
        yield (
            f"| `{row['model']}` | {row['time']} | {' | '.join(cells)} | {ratio} "
            f"| {own['gflops_per_second']:.0f} | {products['gflops_per_second']:.0f} |"
        )
