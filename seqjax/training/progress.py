"""What the host knows of a run besides its state."""

import dataclasses
import statistics
from dataclasses import dataclass, field
from typing import Any

from seqjax.training.sums import Sums

TIMINGS = 100  # of the latest synchronised steps, whose median is a run's ms_per_step


@dataclass
class Progress:
    """Saved with every checkpoint, so that a resumed run tells the same story."""

    step: int = 0
    window: Sums = field(default_factory=dict)  # since the last logged row
    epoch: Sums = field(default_factory=dict)  # since the epoch began
    last_epoch: dict[str, float] = field(default_factory=dict)  # means of the last whole epoch
    evaluated_step: int = 0  # of the last evaluation
    best_step: int = 0
    best_value: float | None = None
    without_better: int = 0  # evaluations since the best one
    timings: list[float] = field(default_factory=list)  # seconds
    wall_seconds: float = 0.0
    compile_seconds: float = 0.0

    @classmethod
    def from_dict(cls, values: dict[str, Any], step: int) -> "Progress":
        """Checks what a checkpoint of that step says; ValueError where it is damaged."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names or values["step"] != step:
            raise ValueError(f"the progress of step {step} is damaged")
        return cls(**values)

    def add_timing(self, seconds: float) -> None:
        """Remembers the duration of a synchronised step."""
        self.timings = [*self.timings, seconds][-TIMINGS:]

    def milliseconds_per_step(self) -> float | None:
        """Median of the latest synchronised steps; None before the first one."""
        return 1e3 * statistics.median(self.timings) if self.timings else None
