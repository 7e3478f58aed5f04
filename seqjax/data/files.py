"""A user's own files: where they are, which bytes they hold, their lines plain or compressed."""

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from seqjax.errors import UserError

OPEN: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def path_of(name: str) -> Path:
    """The path that a person wrote: `~` is a home, but where no user has that name."""
    # Path.expanduser raises an error there, as of a file ~backup.csv.
    return Path(os.path.expanduser(name))


def locate(field: str, name: str) -> Path:
    """The path of an existing file."""
    path = path_of(name)
    # Path.is_file raises an error where a name is longer than any file's can be.
    if not (os.path.isfile(path) and os.access(path, os.R_OK)):
        raise UserError(f"{field}={name!r} is not a readable file (sought: {path.absolute()}).")
    return path


def digest(path: Path) -> bytes:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def decoded(path: Path, origin: str) -> Iterator[str]:
    """The lines of a plain or compressed file, with their ends; a byte order mark is dropped.

    `origin` names the file's setting in errors.
    """
    line = 0
    try:
        with OPEN.get(path.suffix, open)(path, "rb") as stream:
            for line, raw in enumerate(stream, start=1):
                yield raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{origin}, line {line}: byte {error.object[error.start]:#04x} at position "
            f"{error.start} is not UTF-8: convert the file to UTF-8."
        ) from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"{origin}, after line {line}: cannot be read ({error}).") from error
