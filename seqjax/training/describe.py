"""The table that `--describe` prints."""

from rich.console import Console
from rich.table import Table

from seqjax import models
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.models.description import describe
from seqjax.tasks import make_task
from seqjax.training.config import Config


def print_description(config: Config, console: Console) -> None:
    """The model part by part: parameters, forward FLOPs a token, bytes of streaming state."""
    facts = prepare(config.data, default_cache_folder()).facts
    task = make_task(config.task)
    model, length = task.complete(config.model, facts), task.steps(facts)
    parts = describe(model, length)
    table = Table(title=f"{config.name}:{config.preset}, {length} steps")
    for heading in ("part", "parameters", "FLOPs per token", "streaming state, bytes"):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for part in parts:
        state = "cannot stream" if part.state_bytes is None else f"{part.state_bytes:,}"
        table.add_row(part.name, f"{part.parameters:,}", f"{part.flops_per_token:,.0f}", state)
    total, outside = models.count_parameters(model)
    states = [part.state_bytes for part in parts]
    table.add_section()
    table.add_row(
        "all",
        f"{total:,}",
        f"{sum(part.flops_per_token for part in parts):,.0f}",
        "cannot stream" if None in states else f"{sum(states):,}",
    )
    table.add_row("outside embedding and output", f"{outside:,}", "", "")
    console.print(table)
