"""How much state recall takes: `python -m experiments.long_range.state_size`.

Recall of the values of 8 keys within 64 steps (Arora et al. 2024, "Zoology") by models of different
sizes, beside the bytes that each keeps of a sequence. Attention is alone, without feed-forward, as
the Transformer does not learn the probe. Learning rates are those that `experiments.long_range`
chooses at 100,000 parameters.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
from absl.flags import FlagValues

from experiments.command import define_flags, run_stages
from experiments.long_range.run import RESULTS, models
from experiments.sweep import Cell, rows_of
from experiments.tuning import stages
from seqjax import models as modeling
from seqjax.command_line import run_command
from seqjax.training.config import Config, from_dict

PROBE = "mqar"
MIXERS = ("lstm", "rglru", "gated_deltanet", "attention")
USUAL = 100_000  # parameters outside the tables, of `long_range`
SIZES = (30_000, USUAL, 300_000)


def cell(mixer: str, size: int) -> Cell:
    """The cell of `long_range`, which is the middle size, or one like it."""
    usual = models()[PROBE, mixer].cell
    if size == USUAL:
        return usual
    return Cell(f"{usual.config},size={size}", usual.settings, usual.details)


def carry_bytes(config: Config) -> int:
    """What is kept of one sequence of the training length: states, or keys and values."""
    model = config.model.with_sizes(vocabulary_size=config.data.probe.vocabulary_size, outputs=1)
    carry = jax.eval_shape(
        lambda: modeling.init_carry(model, batch_size=1, capacity=config.data.probe.length)
    )
    return sum(array.size * array.dtype.itemsize for array in jax.tree.leaves(carry))


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README: by mixer and size."""
    lines = [
        f"| mixer | {' | '.join(f'{size:,}: bytes, accuracy' for size in SIZES)} |",
        "|---|" + "---|" * len(SIZES),
    ]
    for mixer in MIXERS:
        reached = by_size(mixer, results)
        cells = ["{:,}, {:.3f}".format(*reached[size]) if size in reached else "" for size in SIZES]
        if reached:
            lines.append(f"| `{mixer}` | {' | '.join(cells)} |")
    return lines


def by_size(mixer: str, results: Path) -> dict[int, tuple[int, float]]:
    """What has run of a mixer, by size: the bytes that it keeps, and its accuracy."""
    tuned, reached = models()[PROBE, mixer], {}
    for size in SIZES:
        for row in rows_of(tuned.lend(cell(mixer, size), results), results):
            kept = carry_bytes(from_dict(row["config"]))
            reached[size] = kept, row["summary"]["valid"][tuned.metric]
    return reached


def main(values: FlagValues) -> None:
    """Runs what is missing, the choice of learning rates among it, then prints the table."""
    tuned = [models()[PROBE, mixer] for mixer in MIXERS]

    def sizes(results: Path) -> list[Cell]:
        return [
            found
            for size in SIZES
            for mixer, model in zip(MIXERS, tuned, strict=True)
            for found in model.lend(cell(mixer, size), results)
        ]

    run_stages(values, (stages(tuned)[0], sizes), RESULTS, table)


if __name__ == "__main__":
    run_command(define_flags, main)
