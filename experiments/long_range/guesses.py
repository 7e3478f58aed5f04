"""What guessing gets on the probes: `python -m experiments.long_range.guesses`.

The same answer everywhere: the commonest one of the training split, or its mean where a number is
asked for. A mixer that is no better has not been shown to learn a probe.
"""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Int

from experiments.long_range.run import PROBES, models
from seqjax.data.arrays import Split
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.data.probes import NOT_ASKED

RESULT = Path(__file__).with_name("guesses.json")
SPLITS = ("valid", "test")


def main() -> None:
    """Prints one JSON object, what guessing gets on each probe and split, and writes it."""
    found = {name: of_probe(name) for name in PROBES}
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


def guesses() -> dict[str, dict[str, float]]:
    """The metric of each probe and split, as it was written."""
    return json.loads(RESULT.read_text(encoding="utf-8"))


def of_probe(name: str) -> dict[str, float]:
    """What guessing gets on the splits of a probe, whose data are the same for all mixers."""
    config = models()[name, PROBES[name].mixers[0]].cell.resolve()
    splits = prepare(config.data, default_cache_folder()).splits
    return {split: of_split(splits["train"], splits[split]) for split in SPLITS}


def of_split(train: Split, split: Split) -> float:
    """How often the guess is right, or the mean squared error of it."""
    if "target" in split.columns:
        guess = np.mean(train.columns["target"])
        return float(np.mean(np.square(split.columns["target"] - guess)))
    guess = np.bincount(_answers(train)).argmax()
    return float(np.mean(_answers(split) == guess))


def _answers(split: Split) -> Int[np.ndarray, " asked"]:
    columns = split.columns
    answers = columns["targets"].values if "targets" in columns else columns["label"]
    return answers[answers != NOT_ASKED]


if __name__ == "__main__":
    main()
