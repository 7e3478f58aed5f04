"""Which mixer is the fastest at which length: `python -m experiments.crossover.run`.

Times every mixer over length, batch and width with the machinery of `seqjax.benchmark`, whose rows
`results.jsonl` holds: all mixers at batch 8 and width 64, four of them at other batches and widths.
Mixers are timed in the same rounds at each shape. The machine must have nothing else to do.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
from absl.flags import FlagValues
from rich.console import Console

from experiments.command import define_flags
from experiments.crossover.atlas import Atlas, Shape, significant
from experiments.crossover.cost_model import fit
from seqjax.benchmarking import atlas
from seqjax.benchmarking.grid import Grid
from seqjax.benchmarking.results import Results, circumstances
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
MIXERS = (
    *("rnn", "lstm", "gru", "mingru", "rglru", "ssd", "gated_deltanet"),
    *("attention", "local_attention"),
)
FEW = ("rnn", "lstm", "rglru", "attention")
LENGTHS = (32, 128, 512, 2_048, 8_192)
GRIDS = (
    Grid(mixers=MIXERS, lengths=LENGTHS, batches=(8,), widths=(64,)),
    Grid(mixers=FEW, lengths=LENGTHS, batches=(1, 32), widths=(64,)),
    Grid(mixers=FEW, lengths=(128, 512, 2_048), batches=(8,), widths=(256,)),
)
QUICK = Grid(mixers=("rnn", "attention"), lengths=(32, 64), batches=(2,), widths=(16,))
PATIENCE = atlas.Patience(rounds=5, cell_seconds=10.0)
WORKS = ("train", "forward", "decode")


def table(results: Path) -> Sequence[str]:
    """Milliseconds by mixer and length, how they grow, and what the cost model says."""
    found = Atlas(results, "cpu")
    lines = []
    for work in WORKS:
        series = {mixer: found.series(mixer, Shape(work)) for mixer in MIXERS}
        series = {mixer: each for mixer, each in series.items() if each}
        if not series:
            continue
        lengths = sorted({length for each in series.values() for length in each})
        lines += [
            f"**{work}**, milliseconds; p: from 512 steps on, time grows as length to the power p",
            "",
            f"| mixer | {' | '.join(f'{length:,}' for length in lengths)} | p |",
            f"|---{'|---' * len(lengths)}|---|",
        ]
        for mixer, each in series.items():
            times = [
                significant(each[length]["milliseconds"], 3) if length in each else "–"
                for length in lengths
            ]
            exponent = found.exponent(mixer, Shape(work))
            grows = "" if exponent is None else f"{exponent:.2f}"
            lines.append(f"| `{mixer}` | {' | '.join(times)} | {grows} |")
        lines.append("")
    return [*lines, *_crossings(found), "", *_costs(found), "", *_skipped(found)]


def _crossings(found: Atlas) -> Sequence[str]:
    """Where an RNN-like mixer and attention change places."""
    said = []
    for work in WORKS:
        for mixer in MIXERS:
            length = found.crossing(mixer, "attention", Shape(work))
            if length is not None:
                said.append(f"`{mixer}` and `attention` change places near {length:,.0f} ({work})")
    return [f"Crossings: {'; '.join(said) or 'none'}."]


def _costs(found: Atlas) -> Sequence[str]:
    fitted = fit([row for row in found.rows if "milliseconds" in row])
    model = fitted.model
    return [
        f"Cost model, fitted to {fitted.fitted} cells: {model.call:.3f} ms a call, "
        f"{model.gflop:.1f} ms a GFLOP, {model.gigabyte:.0f} ms a GB moved, "
        f"{model.thousand_kernels:.2f} ms a thousand kernels in a row. On the other "
        f"{fitted.held_out} cells its median error is a factor of {fitted.median_error:.2f}, its "
        f"largest one of {fitted.largest_error:.1f}."
    ]


def _skipped(found: Atlas) -> Sequence[str]:
    """What was too large or too slow to be measured."""
    said = [
        f"`{row['mixer']}` {row['work']} at {row['length']:,} for {row['skipped']['for']}"
        for row in found.rows
        if "skipped" in row
    ]
    return [f"Skipped: {'; '.join(said) or 'none'}."]


def main(values: FlagValues) -> None:
    """Measures what is missing, then prints the table."""
    jax.config.update("jax_enable_compilation_cache", False)
    console = Console(stderr=True)
    if values.quick:
        quick = Results(None, circumstances())
        print(atlas.measure(QUICK.cells(), quick, atlas.Patience(3, cell_seconds=1.0), console))
        return
    results = Results(RESULTS, circumstances())
    for grid in GRIDS:
        atlas.measure(grid.cells(), results, PATIENCE, console)
    print("\n".join(table(RESULTS)))


if __name__ == "__main__":
    run_command(define_flags, main)
