"""What a person sees of a run: rows on disk, curves in TensorBoard, lines on the screen."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from seqjax.training.curves import Curves
from seqjax.training.folder import RunFolder


class Reporter:
    """Rows go to `metrics.jsonl` and TensorBoard; a terminal shows a bar, anything else lines."""

    def __init__(
        self,
        folder: RunFolder,
        console: Console,
        *,
        step: int,
        total_steps: int,
        steps_per_epoch: int,
    ) -> None:
        self._folder = folder
        self._console = console
        self._terminal = console.is_terminal
        self._total_steps = total_steps
        self._steps_per_epoch = steps_per_epoch
        self._curves = Curves(folder.tensorboard, step)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("compiling", total=total_steps, completed=step)
        self._bar.start()

    def row(self, step: int, split: str, metrics: dict[str, float], **measures: float) -> None:
        """One row of metrics, and of what was measured beside them."""
        place = {"step": step, "epoch": step / self._steps_per_epoch, "split": split}
        self._folder.append_metrics(place | metrics | measures)
        values = {f"{split}/{name}": value for name, value in (metrics | measures).items()}
        self._curves.add(step, values)
        if split == "train" and not self._terminal:
            self._say(
                f"step {step}/{self._total_steps}",
                _shown(metrics),
                f"{measures['examples_per_second']:,.0f} examples/s",
            )

    def advance(self, step: int, loss: float) -> None:
        """Moves the bar."""
        if self._terminal:
            self._bar.update(self._task, completed=step, description=f"loss {loss:.4f}")

    def epoch(
        self,
        step: int,
        train: dict[str, float],
        valid: dict[str, float],
        best: bool,
        milliseconds: float,
    ) -> None:
        """One line after an evaluation: the means since the epoch began beside those on valid."""
        done, total = (
            f"{steps / self._steps_per_epoch:.4g}" for steps in (step, self._total_steps)
        )
        self._say(
            f"epoch {done}/{total}",
            f"train {_shown({name: train[name] for name in valid})}",
            f"valid {_shown(valid)}{' (best)' if best else ''}",
            f"{milliseconds:.1f} ms/step",
        )

    def keep(self) -> None:
        """Makes sure that a checkpoint has the rows that were written before it."""
        self._folder.keep()

    def close(self) -> None:
        """Leaves the screen and the files as they are to stay."""
        self._bar.stop()
        self._curves.close()

    def _say(self, *parts: str) -> None:
        say(self._console, " · ".join(parts))


class Silent(Reporter):
    """The reporter of a host that is not the first."""

    def __init__(self, *_, **__) -> None:
        pass

    def row(self, *_, **__) -> None:
        pass

    def advance(self, *_) -> None:
        pass

    def epoch(self, *_) -> None:
        pass

    def keep(self) -> None:
        pass

    def close(self) -> None:
        pass


def _shown(metrics: dict[str, float]) -> str:
    names = sorted(metrics, key=lambda name: name != "loss")
    return " ".join(f"{name} {metrics[name]:.4f}" for name in names)


def say(console: Console, text: str) -> None:
    """One line, as it is."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
