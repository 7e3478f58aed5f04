import numpy as np
import pytest
from PIL import Image

TINY = {"data.source": "idx", "train.batch_size": 8, "model.width": 8, "model.feed_forward_size": 8}


@pytest.mark.parametrize("preset", ["rnn", "transformer,view=patches"])
def test_two_steps(command, two_steps, write_idx, tmp_path, preset):
    chance = np.random.default_rng(0)
    for name, rows in (("train", 24), ("test", 8)):
        images = chance.integers(0, 256, (rows, 8, 8))
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.arange(rows) % 3)
    files = {f"data.{s}": str(tmp_path / f"{s}-images-idx3-ubyte") for s in ("train", "test")}
    summary, workdir = two_steps(f"pixels.py:{preset}", TINY | files)
    assert 0 <= summary["test"]["accuracy"] <= 1
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    said = command("predict", workdir, stdin=f"{tmp_path / 'black.png'}\n".encode()).out
    assert said.split("\t")[0] in ("0", "1", "2")
