"""Forecasts of time series, each from its own past.

    python -m seqjax.train --config configs/forecast.py:lstm
    echo my_table.csv | python -m seqjax.predict --workdir runs/forecast-lstm-… --plot=forecast.svg

reads four years of Seattle's daily weather that a package carries, and forecasts 24 days from 96:
with a test MSE of 0.736 after 18 seconds on one busy CPU core, seed 0, where a linear map has 0.708
and the last value 1.168.
Any table with a date column is read by `source=file,file=table.csv`. ETTh1, the usual benchmark:

    python -m seqjax.train --config configs/forecast.py:lru,train.epochs=3,\\
context=336,horizon=96,patch_size=16,source=etth1,file=ETTh1.csv.gz

On two busy CPU cores, seed 0, its test MSE and MAE were 0.391 and 0.410 in 8 minutes (`transformer`
0.406 and 0.420 in 3.5, `lstm` 0.417 and 0.429 in 5). A linear map fitted in closed form has 0.370
and 0.391, and stays ahead of all three; the last value has 1.294 and 0.713. `data.json` holds both
lines of every split.
"""

from functools import partial

from ml_collections import ConfigDict

from seqjax.data.forecast import ForecastConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="forecast",
        preset=preset,
        task="forecast",
        data=ForecastConfig(),
        optimizer=OptimizerConfig(
            name="adamw",
            learning_rate=1e-3,
            schedule="cosine",
            warmup_steps=50,
            weight_decay=0.05,
            clip_norm=1.0,
        ),
        train=TrainConfig(epochs=5, batch_size=32),
    )
    model = partial(sized, pool="last", dropout=0.2)
    return from_preset(preset, base, models={}, sized=model, size="tiny")
