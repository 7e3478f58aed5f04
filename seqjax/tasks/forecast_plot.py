"""A forecast as a picture: each column's past, and where it is thought to go."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqjax.data.files import path_of
from seqjax.errors import UserError

FORMATS = (".svg", ".png", ".pdf")
SHOWN = 3  # past steps for each step ahead, at most


def numbered(name: str, row: int) -> Path:
    """The path of the picture of an input: forecast.svg, then forecast-2.svg, ….

    UserError where there cannot be such a picture.
    """
    path = path_of(name)
    if path.suffix not in FORMATS or not path.parent.is_dir():
        raise UserError(
            f"--plot={name} must end in {', '.join(FORMATS)} and lie in a folder that exists."
        )
    return path if row == 0 else path.with_name(f"{path.stem}-{row + 1}{path.suffix}")


def draw(
    path: Path,
    columns: Sequence[str],
    moments: np.ndarray,
    past: np.ndarray,
    ahead: np.ndarray,
) -> None:
    """Draws `past` [steps, columns] and `ahead` [horizon, columns], a panel for each column.

    `moments` [steps + horizon] are those of both.
    """
    from matplotlib.figure import Figure  # takes a second, which other commands save

    now = len(past) - 1
    first = max(0, now + 1 - SHOWN * len(ahead))
    figure = Figure(figsize=(8, 1 + 1.5 * len(columns)), layout="constrained")
    panels = figure.subplots(len(columns), sharex=True, squeeze=False)[:, 0]
    for panel, column, before, after in zip(panels, columns, past.T, ahead.T, strict=True):
        panel.plot(moments[first : now + 1], before[first:], color="0.4", linewidth=1, label="past")
        panel.plot(moments[now:], [before[-1], *after], linewidth=1.5, label="forecast")
        panel.axvline(moments[now], color="0.8", linewidth=1)
        panel.set_ylabel(column)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, loc="upper left", ncols=2)
    panels[-1].tick_params(axis="x", labelrotation=20)
    try:
        figure.savefig(path)
    except OSError as error:
        raise UserError(f"--plot={path} cannot be written ({error.strerror}).") from error
