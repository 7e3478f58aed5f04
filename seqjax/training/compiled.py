"""Functions compiled ahead of time, once for each shape of batch."""

from collections.abc import Callable
from typing import Any

from seqjax.tasks.task import Batch


class Compiled:
    """The executables of `jitted(first, batch, *rest)`, one for each shape of the batch.

    There are as many shapes as the loader has padded lengths.
    """

    def __init__(self, jitted: Callable) -> None:
        self._jitted = jitted
        self._executables: dict[tuple, Callable] = {}

    def executable(self, first: Any, batch: Batch, *rest: Any) -> Callable:
        """What to call with these arguments; compiles where it is the first of its shape."""
        shapes = tuple((name, array.shape) for name, array in batch.items())
        if shapes not in self._executables:
            self._executables[shapes] = self._jitted.lower(first, batch, *rest).compile()
        return self._executables[shapes]

    def __call__(self, first: Any, batch: Batch, *rest: Any) -> Any:
        return self.executable(first, batch, *rest)(first, batch, *rest)
