"""Tables of numbers over time: two that a Python package carries, and a user's own with a date.

Seattle's daily weather of 2012 to 2015 is NOAA's (public domain), the monthly prices of four
shares from 2000 to 2010 come from Yahoo Finance, whose terms are not stated. Both are read from the
wheel of `vega_datasets` 0.9.0 (MIT licence), which is not imported.
"""

import csv
import hashlib
import importlib.metadata
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from seqjax.data import tables
from seqjax.errors import UserError, did_you_mean

CARRIED = {  # the files of the package and their hashes
    "weather": (
        "seattle-weather.csv",
        "62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b",
    ),
    "stocks": ("stocks.csv", "f9953ac6693e587476b4ebf2f0b00d9bb95371ca8c39da4cc6155077b3e417cd"),
}
WEATHER = ("precipitation", "temp_max", "temp_min", "wind")
SHARES = ("AAPL", "AMZN", "IBM", "MSFT")  # GOOG begins later
# Beside ISO 8601, where no one can take the day for the month.
DATE_FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%b %d %Y")


@dataclass(frozen=True)
class TimeSeries:
    """Some quantities at rising moments."""

    moments: np.ndarray  # datetime64[s] [rows]
    values: np.ndarray  # float64 [rows, columns]
    columns: tuple[str, ...]


def read_carried(source: str) -> TimeSeries:
    """The table of `weather` or `stocks`."""
    rows = list(csv.DictReader(io.StringIO(_carried_text(source))))
    if source == "weather":
        numbers = np.array([[float(row[column]) for column in WEATHER] for row in rows])
        return TimeSeries(moments_of([row["date"] for row in rows]), numbers, WEATHER)
    dates = list(dict.fromkeys(row["date"] for row in rows))
    price = {(row["date"], row["symbol"]): float(row["price"]) for row in rows}
    numbers = np.array([[price[date, share] for share in SHARES] for date in dates])
    return TimeSeries(moments_of(dates), numbers, SHARES)


def _carried_text(source: str) -> str:
    name, digest = CARRIED[source]
    try:
        distribution = importlib.metadata.distribution("vega_datasets")
        content = distribution.locate_file(f"vega_datasets/_data/{name}").read_bytes()
        intact = hashlib.sha256(content).hexdigest() == digest
    except (importlib.metadata.PackageNotFoundError, OSError):
        intact = False
    if not intact:
        raise UserError(
            f"data.source={source!r} reads its table from the Python package vega_datasets 0.9.0, "
            "which is not installed: run `pip install --no-deps vega_datasets==0.9.0`."
        )
    return content.decode()


def read_table(field: str, name: str, date_column: str, columns: Sequence[str]) -> TimeSeries:
    """The columns of a CSV, TSV or JSON-lines file; all but the date's where none are named.

    UserError where a moment is no date or does not come after the one above, or where a value is
    not a finite number.
    """
    origin = f"{field}={name!r}"
    if not columns:
        names = tables.header(field, name)
        if names and date_column not in names:
            raise UserError(
                f"{origin}: no column data.date_column={date_column!r}; "
                f"{did_you_mean(date_column, names)}"
            )
        columns = [column for column in names if column != date_column]
    wanted = {"data.date_column": date_column}
    wanted |= {f"data.columns[{place}]": column for place, column in enumerate(columns)}
    dates, values = [], []
    for line, (date, *numbers) in tables.read(field, name, wanted):
        dates.append((line, date))
        values.append([])
        for column, text in zip(columns, numbers, strict=True):
            try:
                values[-1].append(float(text))
            except ValueError:
                values[-1].append(np.nan)
            if not np.isfinite(values[-1][-1]):
                raise UserError(
                    f"{origin}, line {line}: {column}={text!r} is not a finite number: fill the "
                    "gap, or name the columns of numbers in data.columns."
                )
    if not values or not columns:
        raise UserError(f"{origin} has no rows of numbers beside {date_column!r}.")
    moments = moments_of([date for _, date in dates], origin, [line for line, _ in dates])
    late = np.flatnonzero(np.diff(moments) <= np.timedelta64(0, "s"))
    if len(late):
        line, date = dates[late[0] + 1]
        raise UserError(
            f"{origin}, line {line}: {date!r} does not come after the date above: sort the rows, "
            "one for each moment."
        )
    return TimeSeries(moments, np.array(values), tuple(columns))


def moments_of(dates: Sequence[str], origin: str = "", lines: Sequence[int] = ()) -> np.ndarray:
    """Dates as datetime64[s]; one that bears a time zone is taken at its own clock."""
    moments = []
    for row, text in enumerate(dates):
        moment = _moment(text.strip())
        if moment is None:
            raise UserError(
                f"{origin}, line {lines[row]}: {text!r} is no date: write 2016-07-01 or "
                "2016-07-01 13:00:00."
            )
        moments.append(moment.replace(tzinfo=None))
    return np.array(moments, "datetime64[s]")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def next_moments(moments: np.ndarray, count: int) -> np.ndarray:
    """The moments that go on from these, datetime64[s] [count].

    They are whole months apart where all of these are, else by the middle one of their differences.
    """
    months = moments.astype("datetime64[M]")
    within = moments - months.astype("datetime64[s]")
    steps = np.diff(months.astype(np.int64))
    ahead = np.arange(1, count + 1)
    if len(steps) and steps[0] > 0 and np.all(steps == steps[0]) and np.all(within == within[0]):
        return (months[-1] + steps[0] * ahead).astype("datetime64[s]") + within[-1]
    step = np.sort(np.diff(moments))[(len(moments) - 1) // 2] if len(steps) else 0
    return moments[-1] + step * ahead
