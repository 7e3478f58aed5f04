"""Forecasting: the next steps of some series, each from its own past."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from seqjax import models
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.forecast import ForecastConfig
from seqjax.data.tokenizers import Tokenizer
from seqjax.models import ModelConfig, Params
from seqjax.tasks.forecast_plot import draw, numbered
from seqjax.tasks.metrics import Mean, Means
from seqjax.tasks.regression import Regression
from seqjax.tasks.task import Batch, Options


@dataclass(frozen=True)
class ForecastOptions(Options):
    """What a person may choose for a forecast."""

    plot: str = field(
        default="", metadata={"help": "picture to draw forecasts in, such as forecast.svg"}
    )


@dataclass(frozen=True)
class Forecasting(Regression):
    """The squared error of `target` [batch, horizon, columns], from `series` [batch, context, …].

    Columns are independent: one model is asked for each of them alone, as in Nie et al. (2023,
    PatchTST, section 3.1), whose patches are the steps here. With μ and σ, `location` and `scale`
    [batch, columns] of a window, `ŷ = σ f((x - μ)/σ) + μ`.
    """

    data: type[DataConfig] = ForecastConfig
    options = ForecastOptions

    def estimate(
        self, config: ModelConfig, params: Params, batch: Batch, dropout_key: Array | None = None
    ) -> Float[Array, "batch horizon columns"]:
        """The steps ahead, in units of the training data's deviations."""
        location, scale = batch["location"][:, None], batch["scale"][:, None]
        scale = jnp.where(scale > 0, scale, 1)  # rows that only fill the batch have none
        series = ((batch["series"] - location) / scale).swapaxes(1, 2)
        rows, columns, context = series.shape
        patches = series.reshape(rows * columns, context // config.input_size, config.input_size)
        ahead = models.apply(config, params, patches, dropout_key=dropout_key)[0]
        return ahead.reshape(rows, columns, -1).swapaxes(1, 2) * scale + location

    def lengths(self, facts: DataFacts) -> dict[str, tuple[int, ...]]:
        """The patches of a window."""
        return {"series": (facts.longest // facts.frame_size,)}

    def derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """The loss under its usual name as well."""
        return metrics | {"mse": metrics["loss"]}

    def by_position(self, config: ModelConfig, params: Params, batch: Batch) -> Means:
        """`loss` and `mae` at each step ahead."""
        errors = self.estimate(config, params, batch) - batch["target"]
        weights = jnp.broadcast_to(batch["weight"][:, None, None], errors.shape)
        return {
            name: Mean(jnp.sum(values * weights, axis=(0, 2)), jnp.sum(weights, axis=(0, 2)))
            for name, values in (("loss", errors**2), ("mae", jnp.abs(errors)))
        }

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: ForecastOptions,
    ) -> Sequence[str]:
        """Each forecast as CSV in the units of the table; also drawn where `plot` is given."""
        if options.plot:
            numbered(options.plot, 0)
        mean, deviation = np.array(list(facts.normalisation.values())).T
        columns = tuple(facts.normalisation)
        said = []
        for row, (past, ahead) in enumerate(zip(batch["series"], predictions, strict=True)):
            moments, values = moments_of(batch["moments"][row]), ahead * deviation + mean
            said.append(as_csv(columns, moments[-len(ahead) :], values))
            if options.plot and batch["weight"][row]:
                path = numbered(options.plot, int(batch["row"][row]))
                draw(path, columns, moments, past * deviation + mean, values)
        return said


def moments_of(days_and_seconds: np.ndarray) -> np.ndarray:
    """datetime64[s], or datetime64[D] where all begin a day, of `moments` [steps, 2]."""
    days, seconds = days_and_seconds.astype(np.int64).T
    moments = (days * 86_400 + seconds).astype("datetime64[s]")
    return moments if seconds.any() else moments.astype("datetime64[D]")


def as_csv(columns: Sequence[str], moments: np.ndarray, values: np.ndarray) -> str:
    """A table with a header, without its last line end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date", *columns])
    for moment, row in zip(moments, values, strict=True):
        writer.writerow([str(moment).replace("T", " "), *(f"{value:.6g}" for value in row)])
    return text.getvalue().rstrip("\n")
