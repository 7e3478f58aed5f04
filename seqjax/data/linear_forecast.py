"""The two lines that a forecast is measured against: the last value, and a linear map.

The linear map is one for all columns, from a window less its mean to the steps that follow less the
same mean, fitted in closed form. Zeng et al. (2023, "Are Transformers effective for time series
forecasting?") found such maps hard to beat; Toner and Darlow (2024) that least squares does as well
as descent.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RIDGE = 1e-6  # of the mean square of the inputs: decides among maps that fit equally well


def baselines(
    values: np.ndarray, starts: dict[str, np.ndarray], context: int, horizon: int
) -> dict[str, dict[str, float]]:
    """Mean squared and absolute errors of both lines on every split.

    `values` is [rows, columns], normalised; `starts` holds the first row of each window by split.
    """
    weights = fit(values, starts["train"], context, horizon)
    found = {}
    for split, begin in starts.items():
        sums, count = np.zeros(4), 0
        for inputs, targets in _windows(values, begin, context, horizon):
            mean = inputs.mean(axis=1, keepdims=True)
            last = targets - inputs[:, -1:]
            linear = targets - mean - (inputs - mean) @ weights
            sums += [(last**2).sum(), abs(last).sum(), (linear**2).sum(), abs(linear).sum()]
            count += targets.size
        names = ("last_value_mse", "last_value_mae", "linear_mse", "linear_mae")
        found[split] = dict(zip(names, (sums / count).tolist(), strict=True))
    return found


def fit(values: np.ndarray, starts: np.ndarray, context: int, horizon: int) -> np.ndarray:
    """The linear map of least squares on these windows, [context, horizon]."""
    square, cross = np.zeros((context, context)), np.zeros((context, horizon))
    for inputs, targets in _windows(values, starts, context, horizon):
        mean = inputs.mean(axis=1, keepdims=True)
        centred = inputs - mean
        square += centred.T @ centred
        cross += centred.T @ (targets - mean)
    ridge = RIDGE * (np.trace(square) / context or 1.0)
    return np.linalg.solve(square + ridge * np.eye(context), cross)


def _windows(
    values: np.ndarray, starts: np.ndarray, context: int, horizon: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets of each column's windows, float64 [windows, steps]."""
    for column in values.T.astype(np.float64):
        whole = sliding_window_view(column, context + horizon)[starts]
        yield whole[:, :context], whole[:, context:]
