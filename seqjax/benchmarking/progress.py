"""How far a measurement is, and how long the rest will take: a bar, or lines without a terminal."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_BETWEEN_LINES = 15.0


class Steps:
    """A context that counts to `total`."""

    def __init__(self, console: Console, total: int, done: int = 0) -> None:
        self._console, self._total, self._first, self._done = console, total, done, done
        self._started = self._told = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> "Steps":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def on(self, description: str) -> None:
        """Says what is being done."""
        self._bar.update(self._task, description=description)
        if not self._console.is_terminal and time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self._console.print(
                f"{self._done}/{self._total} {description}{self._remaining()}", highlight=False
            )

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        self._bar.advance(self._task)

    def _remaining(self) -> str:
        measured = self._done - self._first
        if not measured:
            return ""
        seconds = (self._told - self._started) / measured * (self._total - self._done)
        return f", about {seconds / 60:.0f} min to go"
