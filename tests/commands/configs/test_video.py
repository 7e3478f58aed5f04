"""Clips train, are measured frame by frame, and are answered by digit and direction."""

import numpy as np
from PIL import Image

TINY = {
    "data.source": "idx",
    "data.frames": 4,
    "data.canvas": 6,
    "data.train_rows": 16,
    "data.valid_rows": 8,
    "data.test_rows": 8,
    "model.embedding_size": 8,
    "model.width": 8,
    "model.feed_forward_size": 8,
    "train.batch_size": 8,
}


def test_two_steps(command, two_steps, write_idx, tmp_path):
    chance = np.random.default_rng(0)
    write_idx(tmp_path / "train-images-idx3-ubyte", chance.integers(0, 256, (24, 6, 6)))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(24) % 10)
    settings = TINY | {"data.train": tmp_path / "train-images-idx3-ubyte"}
    summary, workdir = two_steps("video.py:rnn", settings)
    test = summary["test"]
    assert 0 <= test["accuracy"] <= test["digit_accuracy"] <= 1 and 0 < test["frame_mse"] < 10
    found = command("evaluate", workdir, "--by_position").json["by_position"]
    assert len(found["frame_mse"]) == 4
    frames = [Image.new("L", (6, 6), color) for color in (0, 50, 100, 150, 200)]
    frames[0].save(tmp_path / "clip.gif", save_all=True, append_images=frames[1:])
    (answer,) = command(
        "predict", workdir, stdin=str(tmp_path / "clip.gif").encode()
    ).out.splitlines()
    assert len(answer.split("\t")) == 4
