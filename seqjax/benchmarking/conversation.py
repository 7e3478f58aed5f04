"""Processes that train one round when they are told to, and sleep while another one works.

A contender is a program of its own that talks over its standard streams, a JSON object a line:

    {"prepare": {…}}  ->  {"name": …, …}      builds, compiles and warms up what the settings say
    {"steps": 3}      ->  {"seconds": […]}    takes steps, each from an idle device to its result

It ends when its input does. Only the standard library is imported here, since the frameworks that
are compared have their own Python environments.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class ContenderError(Exception):
    """A contender ended before it answered."""


class Contender:
    """The end of the pipe that asks."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=folder,
        )

    def ask(self, **message: Any) -> dict[str, Any]:
        """Sends a message and waits for the answer; ContenderError where there is none."""
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            status = self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            # JAX writes more below the error itself.
            errors = [line for line in said if re.match(r"[\w.]+(Error|Exception|Exit)\b", line)]
            last = (errors or said or ["nothing said"])[-1]
            raise ContenderError(f"{self.name} ended with status {status}: {last}")
        return json.loads(answer)

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def answer_requests(prepare: Callable[[dict[str, Any]], tuple[dict, Callable[[], None]]]) -> None:
    """The other end: `prepare(settings)` gives facts to report, and a function that takes one step.

    What a framework prints goes to standard error, so that it cannot be taken for an answer.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    step = None
    for line in sys.stdin:
        message = json.loads(line)
        if "prepare" in message:
            answer, step = prepare(message["prepare"])
        else:
            answer = {"seconds": [_seconds(step) for _ in range(message["steps"])]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
