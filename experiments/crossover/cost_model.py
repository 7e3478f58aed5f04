"""What a time is made of: `t = a + b · FLOPs + c · bytes + d · depth`, fitted to half of the cells.

All four costs are at least 0, and the same for every mixer, work and shape. The squares that are
least are those of relative errors, so that a cell of a microsecond counts as much as one of a
second. Depth is the number of kernels that wait for one another.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls

Row = dict[str, Any]
FEATURES = ("flops", "bytes_per_device", "depth")


class CostModel(NamedTuple):
    """Milliseconds: of a call, per GFLOP, per GB moved and per thousand kernels in a row."""

    call: float
    gflop: float
    gigabyte: float
    thousand_kernels: float

    def milliseconds(self, rows: Sequence[Row]) -> Float[np.ndarray, " rows"]:
        """The times that it gives."""
        return _features(rows) @ np.array(self)


class Fit(NamedTuple):
    """A model, and its error on the cells that it was not fitted to."""

    model: CostModel
    fitted: int
    held_out: int
    median_error: float  # factor by which a time is off, up or down
    twofold: float  # the share of cells of which it is more than 2
    largest_error: float


def fit(rows: Sequence[Row]) -> Fit:
    """Fits every other cell (in the order of their ids, which is none), and tries the rest."""
    rows = sorted(rows, key=lambda row: row["id"])
    known, unknown = rows[::2], rows[1::2]
    times = np.array([row["milliseconds"] for row in known])
    costs, _ = nnls(_features(known) / times[:, None], np.ones(len(known)))
    model = CostModel(*map(float, costs))
    measured = np.array([row["milliseconds"] for row in unknown])
    errors = np.exp(np.abs(np.log(model.milliseconds(unknown) / measured)))
    twofold = float((errors > 2).mean())
    median, largest = float(np.median(errors)), float(errors.max())
    return Fit(model, len(known), len(unknown), median, twofold, largest)


def _features(rows: Sequence[Row]) -> Float[np.ndarray, "rows features"]:
    scales = np.array([1e9, 1e9, 1e3])
    counted = np.array([[row[name] for name in FEATURES] for row in rows], float) / scales
    return np.column_stack([np.ones(len(rows)), counted])
