"""JSON lines that grow as figures are measured, so that a stopped measurement goes on."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from seqjax.errors import UserError
from seqjax.training.run import versions


def circumstances() -> dict[str, Any]:
    """What a figure depends on beside what was measured."""
    device = jax.devices()[0]
    return {
        "device": {
            "platform": device.platform,
            "kind": device.device_kind,
            "count": jax.device_count(),
            "processor_cores": os.cpu_count(),
        },
        "versions": versions(),
    }


class Results:
    """The rows of a measurement, and the file that they are appended to, where there is one.

    A row's `id` names what was measured, on what and with which versions.
    """

    def __init__(self, path: Path | None, circumstances: Mapping[str, Any]) -> None:
        self._path, self._circumstances = path, circumstances
        self.rows: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        if not path.parent.is_dir():
            raise UserError(f"--output={path}: there is no folder {path.parent}; make it first.")
        try:
            path.open("a").close()
        except OSError as error:
            raise UserError(f"--output={path} cannot be written ({error.strerror}).") from error
        self._read(path)

    def find(self, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The row of these settings, if they have been measured under the same circumstances."""
        return self.rows.get(self._identity(settings))

    def add(self, settings: Mapping[str, Any], **figures: Any) -> dict[str, Any]:
        """A new row."""
        identity = self._identity(settings)
        row = {"id": identity, **settings, **figures, **self._circumstances}
        self.rows[identity] = row
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return row

    def _identity(self, settings: Mapping[str, Any]) -> str:
        named = json.dumps([dict(settings), self._circumstances], sort_keys=True)
        return hashlib.sha256(named.encode()).hexdigest()[:12]

    def _read(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a crash may have cut off the last row
        try:
            self.rows = {row["id"]: row for row in map(json.loads, whole.splitlines())}
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"--output={path} holds other lines than those of a measurement: name another file."
            ) from error
        if whole != text:
            path.write_text(whole, encoding="utf-8")
