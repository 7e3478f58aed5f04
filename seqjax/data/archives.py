"""The files of a folder or an archive: an archive is read as it lies, and never unpacked to disk.

So no name in it can lead out of a folder, and no link is followed. `.tar` in any usual compression,
and `.zip`.
"""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from seqjax.data.files import locate, path_of
from seqjax.errors import UserError

# What claims to be larger is refused: one file, and all that are read together.
MOST_BYTES, MOST_BYTES_TOGETHER = 2**28, 2**33


def contents(field: str, name: str, suffix: str) -> dict[str, bytes]:
    """The files in `name` that end in `suffix`, by their names without folders, sorted.

    `field` is the setting whose value `name` is. Of files in several folders that bear one name,
    all but one would be lost: that is a UserError.
    """
    origin = f"{field}={name!r}"
    path = path_of(name)
    found: dict[str, bytes] = {}
    together = 0
    try:
        members = _of_folder(path) if path.is_dir() else _of_archive(locate(field, name), origin)
        for member, size, read in members:
            base = PurePosixPath(member).name
            if not base.lower().endswith(suffix) or base.startswith("."):
                continue
            if size > MOST_BYTES:
                raise UserError(
                    f"{origin}: {member!r} has {size:,} bytes, more than {MOST_BYTES:,}."
                )
            together += size
            if together > MOST_BYTES_TOGETHER:
                raise UserError(
                    f"{origin}: its files have more than {MOST_BYTES_TOGETHER:,} bytes together; "
                    "give a part of them."
                )
            if base in found:
                raise UserError(f"{origin} holds two files named {base!r}: rename one of them.")
            found[base] = read()
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise UserError(f"{origin} cannot be read ({error}).") from error
    except (zlib.error, RuntimeError, NotImplementedError) as error:  # damaged, or encrypted
        raise UserError(f"{origin} cannot be read ({error}).") from error
    if not found:
        raise UserError(f"{origin} holds no file that ends in {suffix}.")
    return dict(sorted(found.items()))


def _of_folder(folder: Path) -> Iterator[tuple]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.stat().st_size, path.read_bytes


def _of_archive(path: Path, origin: str) -> Iterator[tuple]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, info.file_size, lambda info=info: archive.read(info)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, member.size, archive.extractfile(member).read
    else:
        raise UserError(f"{origin} is no folder, and neither a tar nor a zip archive.")


def digestible(name: str) -> list[Path]:
    """The files that a folder or an archive consists of, sorted: what a hash of it is made from."""
    path = path_of(name)
    if not path.is_dir():
        return [path]
    return sorted(Path(folder, file) for folder, _, files in os.walk(path) for file in files)
