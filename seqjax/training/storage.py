"""Where the files of a run lie: in a folder of a disk, or in one of an object store.

A store, as in `gs://BUCKET/RUN`, holds whole objects: each appears at once or not at all, and
nothing can be appended to one. What grows is written to a folder of this machine, and copied.
"""

import os
import tempfile
from pathlib import Path

from etils import epath

from seqjax.data.files import path_of
from seqjax.errors import UserError


class Storage:
    """One folder, `path`, and `growing`, the folder of this machine for files that grow.

    On a disk both are the same.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.is_disk = "://" not in str(path)
        if self.is_disk:
            self.path = self.growing = path_of(os.fspath(path)).absolute()
            return
        try:
            self.path = epath.Path(str(path))
            self.path.exists()
        except KeyError as error:
            raise UserError(
                f"workdir={path} is in no store that is known: name a folder, or gs://BUCKET/…."
            ) from error
        except Exception as error:  # each store has exceptions of its own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"workdir={path} cannot be reached: {reason}") from error
        self._temporary = tempfile.TemporaryDirectory(prefix="seqjax-run-")
        self.growing = Path(self._temporary.name)

    def keep(self) -> None:
        """Copies what has grown so far; it replaces what was copied before."""
        if self.is_disk:
            return
        for source in sorted(self.growing.rglob("*")):
            if source.is_file() and not source.name.startswith("."):
                target = self.path / source.relative_to(self.growing).as_posix()
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())

    def fetch(self, name: str) -> None:
        """Brings back a file that has grown before, in order to go on with it."""
        if not self.is_disk and (self.path / name).exists():
            (self.growing / name).write_bytes((self.path / name).read_bytes())

    def write(self, path: Path, text: str) -> None:
        """Replaces a file as a whole, so that no reader and no crash sees half of it."""
        if not isinstance(path, Path):
            path.write_text(text)
            return
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_text(text, encoding="utf-8")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
