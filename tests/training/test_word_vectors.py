"""An embedding that starts from word vectors, frozen or trained."""

import dataclasses

import jax
import numpy as np

from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.data.word_vectors import read_word_vectors
from seqjax.training.config import Config, from_dict
from seqjax.training.setup import Setup
from seqjax.training.state import TrainState

SIZE = 8


def trained(tiny, frozen: tuple[str, ...], vectors_path) -> tuple[np.ndarray, dict[str, int]]:
    """Returns the embedding table after one step, and the row of every token."""
    values = dataclasses.asdict(Config(name="test", preset="bag"))
    settings = tiny | {"model.pattern": (), "model.pool": "mean", "optimizer.frozen": frozen}
    for path, value in settings.items():
        group, key = path.split(".")
        values[group][key] = value
    config = from_dict(values)
    data = prepare(config.data, default_cache_folder())
    vectors = read_word_vectors(
        "train.word_vectors", str(vectors_path), data.tokenizer.vocabulary, SIZE
    )
    assert vectors.found.sum() == 2
    setup = Setup(config, data.facts, jax.devices()[:1])
    state: TrainState = setup.first_state(vectors)
    batch = {
        "tokens": np.tile(np.arange(1, 9, dtype=np.int32), (8, 1)),
        "tokens_length": np.full(8, 8, np.int32),
        "label": np.arange(8, dtype=np.int32) % 2,
        "weight": np.ones(8, np.float32),
    }
    with setup.context():
        state, _ = setup.train_step()(state, batch, setup.hyperparameters())
    rows = {token: row for row, token in enumerate(data.tokenizer.vocabulary)}
    return np.asarray(state.params["frontend"]["embedding"]["embedding"]), rows


def test_frozen_vectors_stay_and_others_are_trained(tiny, tmp_path):
    path = tmp_path / "vectors.txt"
    good, film = np.arange(SIZE) / 8, -np.arange(SIZE) / 4
    path.write_text(
        "".join(
            f"{word} {' '.join(map(str, vector))}\n"
            for word, vector in (("good", good), ("unheard", good), ("film", film))
        )
    )
    table, rows = trained(tiny, ("frontend/embedding/.*",), path)
    np.testing.assert_array_equal(table[rows["good"]], good.astype(np.float32))
    np.testing.assert_array_equal(table[rows["film"]], film.astype(np.float32))
    moved, rows = trained(tiny, (), path)
    assert np.abs(moved - table).max() > 1e-4
