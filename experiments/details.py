"""What a row tells of a trained run beside its summary."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from seqjax.data.arrays import Split
from seqjax.data.loader import Batches
from seqjax.data.prepare import default_cache_folder
from seqjax.tasks.task import Options
from seqjax.training import details
from seqjax.training.folder import RunFolder
from seqjax.training.trained import Trained, load_trained


def test_correct(folder: RunFolder) -> str:
    """Which test examples the best checkpoint labels rightly, in their order (see `unpacked`)."""
    trained = load_trained(folder)
    found = []

    def answers(model, params, batch):
        said = trained.setup.task.predict(model, params, batch, Options()).argmax(-1)
        return said == batch["label"], batch["weight"] > 0

    with trained.setup.context():
        evaluation = trained.setup.evaluation()
        split = _split(trained, "test")
        evaluation.each(answers, trained.params, split, lambda pair: found.append(pair[0][pair[1]]))
    batches = Batches(
        split,
        batch_size=trained.setup.config.train.batch_size,
        boundaries=trained.setup.facts.boundaries,
        seed=0,
        shuffle=False,
    )
    rows = np.concatenate([batches.row_numbers(step) for step in range(batches.steps_per_epoch)])
    correct = np.empty(len(split), bool)
    correct[rows[rows >= 0]] = np.concatenate(found)
    return packed(correct)


def of(split: str, measure: Callable[..., Any]) -> Callable[[RunFolder], Any]:
    """What a detail of `seqjax.evaluate` tells of the examples of a split."""

    def measured(folder: RunFolder) -> Any:
        trained = load_trained(folder)
        with trained.setup.context():
            return measure(
                trained.setup, trained.setup.evaluation(), trained.params, _split(trained, split)
            )

    return measured


def test_bleu(folder: RunFolder) -> dict[str, Any]:
    """sacreBLEU of the test translations, by beam search and by the likeliest token alone."""
    trained = load_trained(folder)
    setup, cache = trained.setup, default_cache_folder()
    references = setup.config.data.read_references("test", trained.tokenizer, cache)
    split = _split(trained, "test")
    with setup.context():
        beam, greedy = (
            details.score(trained, setup.evaluation(), split, references, options)
            for options in (setup.task.options(), setup.task.options(beams=1))
        )
    return beam | {"greedy_bleu": greedy["bleu"]}


def test_measures(folder: RunFolder) -> dict[str, float]:
    """What the data tell of the test split, such as the errors of a simple forecast."""
    return folder.facts().splits["test"].measures


DETAILS: dict[str, Callable[[RunFolder], Any]] = {
    "test_correct": test_correct,
    "test_by_length": of("test", details.by_length),
    "test_by_group": of("test", details.by_group),
    "valid_by_position": of("valid", details.by_position),
    "test_bleu": test_bleu,
    "test_measures": test_measures,
}


def packed(flags: Sequence[bool]) -> str:
    """Flags as hexadecimal digits, behind their number."""
    return f"{len(flags)}:{np.packbits(np.asarray(flags, bool)).tobytes().hex()}"


def unpacked(text: str) -> Bool[np.ndarray, " flags"]:
    """The flags of `packed`."""
    count, _, digits = text.partition(":")
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))[: int(count)].astype(bool)


def _split(trained: Trained, name: str) -> Split:
    setup = trained.setup
    return setup.config.data.read_split(
        name, setup.facts, trained.tokenizer, default_cache_folder()
    )
