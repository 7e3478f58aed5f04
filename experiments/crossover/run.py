"""Which mixer is the fastest at which length: `python -m experiments.crossover.run`.

Times every mixer over length, batch and width with the machinery of `seqjax.benchmark`, whose rows
`results.jsonl` holds: all mixers at batch 8 and width 64, four of them at other batches and widths.
Mixers are timed in the same rounds at each shape. The machine must have nothing else to do.
"""

import jax
from absl.flags import FlagValues
from rich.console import Console

from experiments.command import define_flags
from experiments.crossover.atlas import RESULTS
from experiments.crossover.table import table
from seqjax.benchmarking import atlas
from seqjax.benchmarking.grid import Grid
from seqjax.benchmarking.results import Results, circumstances
from seqjax.command_line import run_command

MIXERS = (
    *("rnn", "lstm", "gru", "mingru", "minlstm", "lru", "rglru", "ssd", "gated_deltanet"),
    *("paragru", "paralstm", "attention", "local_attention"),
)
FEW = ("rnn", "lstm", "rglru", "attention")
LENGTHS = (32, 128, 512, 2_048, 8_192, 16_384)
GRIDS = (
    Grid(mixers=MIXERS, lengths=LENGTHS, batches=(8,), widths=(64,)),
    Grid(mixers=FEW, lengths=LENGTHS, batches=(1, 32), widths=(64,)),
    Grid(mixers=FEW, lengths=(128, 512, 2_048), batches=(8,), widths=(256,)),
)
QUICK = Grid(mixers=("rnn", "attention"), lengths=(32, 64), batches=(2,), widths=(16,))
PATIENCE = atlas.Patience(rounds=5, cell_seconds=240.0)


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
