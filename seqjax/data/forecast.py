"""Windows of time series, and what comes after each: what forecasting reads."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqjax.data import files, time_series
from seqjax.data.arrays import Split, Windows
from seqjax.data.dataset import SPLITS, DataConfig, Dataset
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.linear_forecast import baselines
from seqjax.data.prepare import prepared_split
from seqjax.data.time_series import TimeSeries
from seqjax.errors import UserError, did_you_mean

SOURCES = ("weather", "stocks", "etth1", "file")
SHARES = (0.7, 0.1, 0.2)  # of the rows: train, valid, test
ETTH1 = (8640, 2880, 2880)  # rows: 12, 4 and 4 months of 30 days of 24 hours
SMALLEST = 1e-5  # is added to a window's variance, so that none is divided by nothing
ROUNDING = 1e-9  # a column's deviation below so much of its mean is no more than that
VALUES_AT_ONCE = 2**21  # of windows that are copied to be measured


@dataclass(frozen=True)
class ForecastConfig(DataConfig):
    """Windows of a table of numbers over time, cut into splits by time.

    `series` [context, columns] and `target` [horizon, columns] of every window are float32 and in
    units of the columns' deviations over the training rows. `location` and `scale` [columns] are
    what a window is normalised by: its own mean and deviation, or 0 and 1. A window's target lies
    in its split; what comes before may reach into the split before.

    ETTh1 (Zhou et al. 2021; github.com/zhouhaoyi/ETDataset, CC BY-ND 4.0) is two years of hourly
    measurements of a transformer of the power grid; the usual splits leave its end out.
    """

    # weather, stocks: tables that a Python package carries; etth1: that file, with its usual
    # splits; file: any table with a date column (CSV, TSV or JSON lines, plain or compressed)
    source: str = "weather"
    file: str = ""  # of etth1 and file
    date_column: str = "date"
    columns: tuple[str, ...] = ()  # which to forecast; none: all beside the date

    context: int = 96  # rows that a forecast is made from
    horizon: int = 24  # rows that are forecast
    patch_size: int = 8  # rows that are one step of the model
    normalise_windows: bool = True  # each by its own mean and deviation (Kim et al. 2022, RevIN)

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, SOURCES)}"
            )
        if (self.source in ("etth1", "file")) != bool(self.file):
            raise UserError(
                f"data.file={self.file!r} must "
                + ("be empty" if self.file else "name a table")
                + f" where data.source={self.source!r}."
            )
        for field, least in (("context", 2), ("horizon", 1), ("patch_size", 1)):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")
        for column in self.columns:
            if self.columns.count(column) > 1:
                raise UserError(f"data.columns={self.columns} must name {column!r} once.")
        if self.context % self.patch_size:
            raise UserError(
                f"data.patch_size={self.patch_size} does not divide data.context={self.context}: "
                "take a size that does."
            )

    def fingerprint(self) -> str:
        """A hash of the table."""
        if not self.file:
            return time_series.CARRIED[self.source][1]
        return files.digest(files.locate("data.file", self.file)).hex()

    def identity(self) -> dict[str, Any]:
        """The file counts by its contents, not by its place."""
        return dataclasses.asdict(self) | {"file": bool(self.file)}

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """All windows, and the errors that the last value and a linear map make on them."""
        table = self.table()
        ends = np.cumsum(self.rows_of_splits(len(table.values)))
        train = table.values[: ends[0]]
        constants = {
            column: (float(mean), divisor(float(mean), float(deviation)))
            for column, mean, deviation in zip(
                table.columns, train.mean(axis=0), train.std(axis=0), strict=True
            )
        }
        values = normalised(table.values, constants)
        starts = dict(zip(SPLITS, self.starts(ends), strict=True))
        measured = baselines(values, starts, self.context, self.horizon)
        steps = {"series": (self.context,), "target": (self.horizon,)}
        return Dataset(
            {name: self.windows(values, begin) for name, begin in starts.items()},
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=(),
                vocabulary_size=0,
                boundaries=steps,
                splits={
                    name: SplitFacts(
                        rows=len(begin),
                        longest=self.context,
                        mean_length=float(self.context),
                        measures=measured[name],
                    )
                    for name, begin in starts.items()
                },
                notes=tuple(told(name, measured[name]) for name in ("valid", "test")),
                frame_size=self.patch_size,
                target_size=self.horizon,
                normalisation=constants,
            ),
        )

    def table(self) -> TimeSeries:
        """The chosen columns of the source."""
        if self.file:
            return time_series.read_table("data.file", self.file, self.date_column, self.columns)
        table = time_series.read_carried(self.source)
        for column in self.columns:
            if column not in table.columns:
                raise UserError(
                    f"data.columns={self.columns}: data.source={self.source!r} has no {column!r}; "
                    f"{did_you_mean(column, table.columns)}"
                )
        chosen = self.columns or table.columns
        places = [table.columns.index(column) for column in chosen]
        return TimeSeries(table.moments, table.values[:, places], tuple(chosen))

    def rows_of_splits(self, rows: int) -> tuple[int, int, int]:
        """Rows of the table that are train, valid and test, one after the other."""
        if self.source == "etth1":
            if rows < sum(ETTH1):
                raise UserError(
                    f"data.file={self.file!r} has {rows:,} rows, and ETTh1 has 17,420: read other "
                    "tables by data.source='file'."
                )
            return ETTH1
        train, valid = round(SHARES[0] * rows), round(SHARES[1] * rows)
        return train, valid, rows - train - valid

    def starts(self, ends: np.ndarray) -> list[np.ndarray]:
        """The first row of each window of train, valid and test, which end at these rows."""
        found = []
        for name, begin, end in zip(SPLITS, (self.context, *ends), ends, strict=False):
            count = end - begin - self.horizon + 1
            if count < 1:
                raise UserError(
                    f"data.context={self.context} and data.horizon={self.horizon} leave no window "
                    f"in {name}, which ends at row {end} of {ends[-1]}: lower them, or bring a "
                    "longer table."
                )
            found.append(np.arange(begin - self.context, begin - self.context + count))
        return found

    def windows(self, values: np.ndarray, starts: np.ndarray) -> Split:
        """The windows that start at these rows; keeps no copy of their values."""
        lengths = np.full(len(starts), self.context, np.int32)
        after = np.full(len(starts), self.horizon, np.int32)
        return Split(
            {
                "series": Windows(values, starts, lengths),
                "target": Windows(values, starts + self.context, after),
                **self.normalisers(values, starts),
            }
        )

    def normalisers(self, values: np.ndarray, starts: np.ndarray) -> dict[str, np.ndarray]:
        """`location` and `scale`, [windows, columns], of the windows that start at these rows."""
        location = np.zeros((len(starts), values.shape[1]), np.float32)
        scale = np.ones_like(location)
        if self.normalise_windows:
            # All windows at once would be `context` times as large as the table, and differences of
            # running sums would lose the digits of a small deviation from a large mean.
            seen = np.lib.stride_tricks.sliding_window_view(values, self.context, axis=0)
            at_once = max(1, VALUES_AT_ONCE // (self.context * values.shape[1]))
            for first in range(0, len(starts), at_once):
                rows = slice(first, first + at_once)
                block = seen[starts[rows]]  # [windows, columns, context]
                location[rows] = block.mean(axis=2, dtype=np.float32)
                scale[rows] = np.sqrt(block.var(axis=2, dtype=np.float32) + SMALLEST)
        return {"location": location, "scale": scale}

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: None, cache_folder: Path
    ) -> Split:
        """One split of the data that the run was trained on."""
        return prepared_split(self, split, facts, cache_folder)

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: None) -> Split:
        """Paths of tables that have the run's columns; a forecast goes on from the last row.

        `moments` [context + horizon] are days since 1970 and seconds of the day, of the rows that
        were read and of those that are forecast.
        """
        columns = tuple(facts.normalisation)
        series, moments = [], []
        for line in lines:
            table = time_series.read_table("line", line, self.date_column, columns)
            if len(table.values) < self.context:
                raise UserError(
                    f"line={line!r} has {len(table.values)} rows, and a forecast of this run is "
                    f"made from data.context={self.context}: bring more."
                )
            series.append(normalised(table.values[-self.context :], facts.normalisation))
            ahead = time_series.next_moments(table.moments, self.horizon)
            moments.append(np.concatenate([table.moments[-self.context :], ahead]))
        series, seconds = np.stack(series), np.stack(moments).astype(np.int64)
        begin = self.context * np.arange(len(lines))
        return Split(
            {
                "series": series,
                "moments": np.stack(np.divmod(seconds, 86_400), axis=-1).astype(np.int32),
                **self.normalisers(series.reshape(-1, len(columns)), begin),
            }
        )


def divisor(mean: float, deviation: float) -> float:
    """What a column is divided by: its deviation, or 1 where that is nothing but rounding."""
    return deviation if deviation >= ROUNDING * max(1.0, abs(mean)) else 1.0


def normalised(values: np.ndarray, constants: dict[str, tuple[float, ...]]) -> np.ndarray:
    """Each column less its mean, over its deviation, float32 [rows, columns]."""
    mean, deviation = np.array(list(constants.values())).T
    return ((values - mean) / deviation).astype(np.float32)


def told(split: str, measured: dict[str, float]) -> str:
    """The two lines of a split in a sentence."""
    return (
        f"To beat on {split}: the last value has MSE {measured['last_value_mse']:.4f} and MAE "
        f"{measured['last_value_mae']:.4f}, a linear map {measured['linear_mse']:.4f} and "
        f"{measured['linear_mae']:.4f}."
    )
