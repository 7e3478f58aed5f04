"""Files from the network: resumed where they broke off, checked, with progress on the screen."""

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from requests import codes
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from seqjax.data import files
from seqjax.errors import UserError

RETRIES = 4  # in a row that bring nothing: about five seconds without a network
PAUSE = 0.15  # seconds before the first of them, twice as long before each further one
SECONDS_TO_CONNECT, SECONDS_OF_SILENCE = 10, 60
BLOCK = 2**14  # bytes that are written, or lost, together
SECONDS_BETWEEN_LINES = 15.0
MOST_NAMED = 4  # files in a sentence


@dataclass(frozen=True)
class Download:
    """A file that is published: where it is, what it must be, and where it goes."""

    url: str
    size: int  # bytes
    sha256: str
    path: Path  # where it lies once it is whole and checked
    by_hand: Path | None = None  # where a user may put it

    @property
    def part(self) -> Path:
        """What there is of it so far."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def place(self) -> Path:
        """Where a user may put it: as the part, nothing of it is missing and it is checked."""
        return self.by_hand or self.part

    @property
    def done(self) -> int:
        """The bytes that there are of it so far."""
        return self.part.stat().st_size if self.part.exists() else 0


def fetch(origin: str, registry: str, wanted: Sequence[Download]) -> None:
    """Downloads files one after the other, each from where an earlier attempt broke off.

    A file is where it goes only once it is what `registry` says of it. `origin` is the setting
    that asked for them, as messages name it.
    """
    with requests.Session() as session, Shown(wanted) as shown:
        for number, file in enumerate(wanted):
            file.path.parent.mkdir(parents=True, exist_ok=True)
            _complete(origin, wanted[number:], session, shown)
            _check(origin, registry, file)
            file.part.replace(file.path)


def _complete(
    origin: str, missing: Sequence[Download], session: requests.Session, shown: "Shown"
) -> None:
    """Brings the first of the missing files, or tells what to do about them all."""
    file, *_ = missing
    longest, failures = file.done, 0
    while True:
        try:
            return _append(file, session, shown)
        except requests.RequestException as error:
            failures = failures + 1 if file.done <= longest else 0
            longest = max(longest, file.done)
            if failures > RETRIES or _is_final(error):
                raise UserError(
                    f"{origin} could not be downloaded ({file.url}: {_reason(error)}): connect to "
                    f"the network and try again, which goes on after {file.done:,} of "
                    f"{file.size:,} bytes, or download by hand {_places(missing)}."
                ) from error
            time.sleep(PAUSE * 2**failures)


def _append(file: Download, session: requests.Session, shown: "Shown") -> None:
    """Brings what is missing; RequestException where it breaks off."""
    done = file.done
    if done == file.size and file.part.exists():
        return
    # Not compressed on its way, so that bytes are counted as those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    limits = (SECONDS_TO_CONNECT, SECONDS_OF_SILENCE)
    with session.get(file.url, headers=headers, stream=True, timeout=limits) as response:
        if response.status_code == codes.requested_range_not_satisfiable:
            file.part.unlink()  # as long as the server's file or longer, so no beginning of it
        response.raise_for_status()
        # A server that knows nothing of ranges answers 200, and sends all of it.
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        done = int(begins[1]) if begins else 0
        # Where less is announced than the file's size it is another file, which the check tells.
        end = min(file.size, done + int(response.headers.get("Content-Length", file.size)))
        with file.part.open("ab") as stream:
            stream.truncate(done)
            shown.move(file, done)
            for block in response.iter_content(BLOCK):
                stream.write(block)
                done += len(block)
                shown.move(file, done)
                if done > file.size:  # another file, perhaps one without an end
                    return
    if done < end:
        raise requests.ConnectionError("the connection was cut")


def _places(missing: Sequence[Download]) -> str:
    named = ", ".join(f"{file.url} to {file.place}" for file in missing[:MOST_NAMED])
    return named + (f", and {more} more" if (more := len(missing) - MOST_NAMED) > 0 else "")


def _is_final(error: requests.RequestException) -> bool:
    """Whether the server has understood, and refuses."""
    passing = (codes.request_timeout, codes.requested_range_not_satisfiable, codes.too_many)
    status = error.response.status_code if error.response is not None else 0
    return 400 <= status < 500 and status not in passing


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    return type(error).__name__


def _check(origin: str, registry: str, file: Download) -> None:
    """Removes what is not the published file."""
    size, sha256 = file.done, files.digest(file.part).hex()
    if (size, sha256) != (file.size, file.sha256):
        file.part.unlink()
        raise UserError(
            f"{origin}: the file at {file.url} is not the one that {registry} expects ({size:,} "
            f"bytes with SHA-256 {sha256}, not {file.size:,} with {file.sha256}) and was removed: "
            f"try again, or download by hand {_places([file])}."
        )


class Shown:
    """How far the downloads are, and how long the rest will take: a bar, or lines elsewhere.

    On standard error: a download is no part of a command's result.
    """

    def __init__(self, wanted: Sequence[Download]) -> None:
        self._console = Console(stderr=True)
        self._done = {file: file.done for file in wanted}
        self._total = sum(file.size for file in wanted)
        self._first = self._completed
        self._began, self._told = time.monotonic(), -math.inf
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, completed=self._first)

    def __enter__(self) -> "Shown":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def move(self, file: Download, done: int) -> None:
        """There are so many bytes of a file now."""
        self._done[file] = done
        name = (file.by_hand or file.path).name
        self._bar.update(self._task, completed=self._completed, description=name)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._told > SECONDS_BETWEEN_LINES:
            self._told = now
            megabytes = f"{self._completed / 1e6:,.1f} of {self._total / 1e6:,.1f} MB"
            self._console.print(
                f"downloading {name}: {megabytes}{self._remaining(now)}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )

    @property
    def _completed(self) -> int:
        return sum(self._done.values())

    def _remaining(self, now: float) -> str:
        brought = self._completed - self._first
        if brought <= 0:
            return ""
        seconds = (now - self._began) / brought * (self._total - self._completed)
        return f", about {seconds:,.0f} s to go"
