"""A user's own tables: CSV, TSV and JSON lines, plain or compressed, UTF-8.

`.csv` is quoted as usual (RFC 4180); `.tsv` is not quoted at all, so that a quotation mark is an
ordinary character and a text holds neither tabs nor line ends. In both, the first line names the
columns, and blank lines are no rows. `.jsonl` has one object a line. Each may be followed by `.gz`,
`.bz2` or `.xz`.
"""

import contextlib
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seqjax.data import files
from seqjax.errors import UserError, did_you_mean


def read(field: str, name: str, columns: Mapping[str, str]) -> Iterator[tuple[int, list[str]]]:
    """Reads some columns of the file `name`, the value of the setting `field` (`data.train`, …).

    `columns` maps the settings that choose columns to the columns' names, as in
    `{"data.text_column": "src"}`. Yields each row's line and its values of these columns.
    """
    origin = f"{field}={name!r}"
    path = files.locate(field, name)
    yield from READERS[_format(path, origin)](files.decoded(path, origin), columns, origin)


def header(field: str, name: str) -> list[str]:
    """The names of all columns of a file: of the first object's where it has no header."""
    origin = f"{field}={name!r}"
    path = files.locate(field, name)
    kind = _format(path, origin)
    first = next((line for line in files.decoded(path, origin) if line.strip()), "").rstrip("\r\n")
    if kind == ".jsonl":
        with contextlib.suppress(json.JSONDecodeError):
            record = json.loads(first)
            return list(record) if isinstance(record, dict) else []
        return []
    names = next(csv.reader([first]), []) if kind == ".csv" else first.split("\t")
    return [name.strip() for name in names]


def _format(path: Path, origin: str) -> str:
    """What the file is, by its name: one of `READERS`."""
    compression = path.suffix if path.suffix in files.OPEN else ""
    suffix = Path(path.name.removesuffix(compression)).suffix
    if suffix not in READERS:
        raise UserError(
            f"{origin} must end in {', '.join(READERS)}, or one of these and "
            f"{', '.join(files.OPEN)}."
        )
    return suffix


def _csv(
    lines: Iterator[str], columns: Mapping[str, str], origin: str
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    line = 1  # where the current row starts: a quoted value may span several lines

    def rows() -> Iterator[tuple[int, list[str]]]:
        nonlocal line
        for row in reader:
            yield line, row
            line = reader.line_num + 1

    try:
        yield from _table(rows(), ",", columns, origin)
    except csv.Error as error:
        raise UserError(
            f"{origin}, line {line}: {error}: look for a quotation mark that is not closed, or not "
            f"doubled inside a quoted value, and keep longer values in a .tsv or .jsonl file."
        ) from error


def _tsv(
    lines: Iterator[str], columns: Mapping[str, str], origin: str
) -> Iterator[tuple[int, list[str]]]:
    texts = (line.rstrip("\r\n") for line in lines)
    rows = enumerate((text.split("\t") if text else [] for text in texts), start=1)
    return _table(rows, "\t", columns, origin)


def _table(
    rows: Iterator[tuple[int, list[str]]],
    delimiter: str,
    columns: Mapping[str, str],
    origin: str,
) -> Iterator[tuple[int, list[str]]]:
    """Picks the columns by the header's names and checks that every row has as many as it."""
    rows = ((line, row) for line, row in rows if row)
    line, header = next(rows, (1, []))
    if not header:
        raise UserError(f"{origin} is empty: its first line must name the columns.")
    other = next((mark for mark in ",;\t|" if mark != delimiter and mark in header[0]), None)
    if len(header) == 1 and other:
        raise UserError(
            f"{origin}, line {line}: the header {header[0]!r} is separated by {other!r} where "
            f"{delimiter!r} was expected: change the file's suffix or its delimiter."
        )
    names = [name.strip() for name in header]
    _check_columns(columns, names, f"{origin}, line {line}")
    for name, count in Counter(names).items():
        # Spreadsheets leave nameless columns at the end, which nobody asks for.
        if count > 1 and (name or name in columns.values()):
            raise UserError(
                f"{origin}, line {line}: the header names {name!r} {count} times: give every "
                f"column a name of its own."
            )
    wanted = [names.index(name) for name in columns.values()]
    for line, row in rows:
        if len(row) != len(names):
            raise UserError(
                f"{origin}, line {line}: {len(row)} columns where the header has {len(names)} "
                f"({', '.join(names)})."
            )
        yield line, [row[column] for column in wanted]


def _jsonl(
    lines: Iterator[str], columns: Mapping[str, str], origin: str
) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        where = f"{origin}, line {number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: not JSON ({error.msg}, column {error.colno}).") from error
        if not isinstance(record, dict):
            raise UserError(f'{where}: not an object such as {{"text": "…", "label": "…"}}.')
        _check_columns(columns, list(record), where)
        values = [record[name] for name in columns.values()]
        for name, value in zip(columns.values(), values, strict=True):
            if not isinstance(value, str | int | float):
                raise UserError(f"{where}: {name!r} is {json.dumps(value)}, not text or a number.")
        yield number, [value if isinstance(value, str) else json.dumps(value) for value in values]


def _check_columns(columns: Mapping[str, str], known: list[str], where: str) -> None:
    for field, name in columns.items():
        if name not in known:
            raise UserError(f"{where}: no column {field}={name!r}; {did_you_mean(name, known)}")


READERS: dict[str, Callable] = {".csv": _csv, ".tsv": _tsv, ".jsonl": _jsonl}
