import dataclasses
import hashlib
import http.server
import threading
from functools import partial

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from tensorflow_datasets.core.download.checksums import UrlInfo

from seqjax.data.image_files import labels_name
from seqjax.data.images import VIEWS, ImagesConfig
from seqjax.data.prepare import prepare
from seqjax.data.video import VideoConfig
from seqjax.errors import UserError

CONSTANTS = {"mean": (0.0,), "deviation": (1.0,), "shape": (6, 4)}


def pixels(rows=3):
    return np.random.default_rng(0).integers(0, 256, (rows, 6, 4)).astype(np.uint8)


@pytest.fixture
def idx(write_idx, tmp_path):
    """A configuration of 24 training and 5 test images."""
    for name, rows in (("train", 24), ("t10k", 5)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", pixels(rows))
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(rows) % 3)
    return ImagesConfig(
        source="idx",
        train=str(tmp_path / "train-images-idx3-ubyte.gz"),
        test=str(tmp_path / "t10k-images-idx3-ubyte.gz"),
    )


def test_labels_lie_beside_the_images_whatever_their_folder_is_called():
    found = labels_name("images/idx3/train-images-idx3-ubyte.gz")
    assert found == "images/idx3/train-labels-idx1-ubyte.gz"


def test_rows_and_pixels_are_the_image_in_reading_order():
    found = {
        view: ImagesConfig(view=view, patch_size=2).view_of(pixels(), CONSTANTS) for view in VIEWS
    }
    assert found["rows"].shape == (3, 6, 4) and found["pixels"].shape == (3, 24, 1)
    np.testing.assert_array_equal(found["rows"], pixels())
    np.testing.assert_array_equal(found["pixels"][:, :, 0], pixels().reshape(3, -1))


def test_permuted_pixels_come_in_one_order_that_the_seed_decides():
    first, second = (
        ImagesConfig(view="permuted", permutation_seed=seed).view_of(
            np.arange(24, dtype=np.uint8).reshape(1, 6, 4).repeat(2, axis=0), CONSTANTS
        )
        for seed in (0, 1)
    )
    assert sorted(first[0, :, 0]) == list(range(24))
    np.testing.assert_array_equal(first[0], first[1])
    assert np.any(first != second)
    # The order that every machine finds, and every version of NumPy.
    assert first[0, :6, 0].tolist() == [0, 8, 19, 9, 3, 18]


def test_a_patch_is_a_part_of_the_image():
    found = ImagesConfig(view="patches", patch_size=2).view_of(pixels(), CONSTANTS)
    assert found.shape == (3, 6, 4)
    for number in range(6):
        row, column = divmod(number, 2)
        part = pixels()[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(found[:, number], part.reshape(3, 4))


def test_patches_that_do_not_divide_an_image():
    with pytest.raises(UserError, match="patch_size=3 does not divide images of 6×4"):
        ImagesConfig(view="patches", patch_size=3).view_of(pixels(), CONSTANTS)


def test_files_of_mnist(idx, tmp_path):
    data = prepare(idx, tmp_path / "cache")
    assert [(name, len(split)) for name, split in data.splits.items()] == [
        ("train", 22),
        ("valid", 2),
        ("test", 5),
    ]
    assert "last 2 images of train" in data.notes[0]
    train = data.splits["train"].columns
    np.testing.assert_allclose([train["frames"].mean(), train["frames"].std()], [0, 1], atol=1e-5)
    assert data.facts.labels == ("0", "1", "2") and data.facts.frame_size == 4
    whole = np.concatenate([data.splits[name].columns["label"] for name in ("train", "valid")])
    np.testing.assert_array_equal(whole, np.arange(24) % 3)


@pytest.fixture
def mnist(idx, tmp_path, monkeypatch):
    """The files of `idx` in the place of MNIST's own, on a server; returns the addresses."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("NO_PROXY", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        builder = tensorflow_datasets.builder_cls("mnist")
        infos = {}
        for info in builder.url_infos.values():
            content = (tmp_path / info.filename).read_bytes()
            infos[f"http://127.0.0.1:{server.server_port}/{info.filename}"] = UrlInfo(
                len(content), hashlib.sha256(content).hexdigest(), info.filename
            )
        monkeypatch.setattr(builder, "url_infos", infos)
        yield infos
        server.shutdown()


def test_mnist_is_downloaded_as_its_four_files(idx, mnist, tmp_path):
    found = prepare(ImagesConfig(source="tfds:mnist"), tmp_path / "cache")
    by_hand = prepare(idx, tmp_path / "cache")
    assert found.notes == by_hand.notes and found.facts.splits == by_hand.facts.splits
    for name, split in by_hand.splits.items():
        for column, values in split.columns.items():
            np.testing.assert_array_equal(found.splits[name].columns[column], values)
    downloaded = [path.name for path in (tmp_path / "cache" / "tfds").rglob("*.gz")]
    assert len(downloaded) == 4 and sum("t10k-labels" in name for name in downloaded) == 1


def test_clips_are_made_of_mnist_too(mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQJAX_CACHE", str(tmp_path / "cache"))
    config = VideoConfig(source="tfds:mnist", canvas=8, train_rows=3, valid_rows=2, test_rows=2)
    assert [len(split) for split in prepare(config, tmp_path / "cache").splits.values()] == [
        3,
        2,
        2,
    ]


def test_where_mnist_is_put_by_hand_is_told(mnist, tmp_path):
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        UserError, match=r"source='tfds:mnist' could.*/manual/t10k-labels-idx1"
    ) as e:
        prepare(ImagesConfig(source="tfds:mnist"), tmp_path / "cache")
    assert "t10k-labels-idx1-ubyte.gz: HTTP status 404" in str(e.value)
    manual = tmp_path / "cache" / "tfds" / "downloads" / "manual"
    for name in ("t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"):
        assert f"/{name} to {manual / name}" in str(e.value)
    assert "t10k-images" not in str(e.value)  # which is there


def test_the_sample_of_mnist_is_divided_evenly(tmp_path):
    data = prepare(ImagesConfig(), tmp_path)
    for name, rows in (("train", 400), ("valid", 50), ("test", 50)):
        assert data.facts.splits[name].rows_of_label == (rows,) * 10
        assert data.splits[name].columns["frames"].shape == (10 * rows, 28, 28)
    images = [row.tobytes() for s in data.splits.values() for row in s.columns["frames"]]
    assert len(set(images)) == 5000


def test_all_of_mnist_is_read(shared_data, tmp_path):
    folder = shared_data / "mnist"
    config = ImagesConfig(
        source="idx",
        train=str(folder / "train-images-idx3-ubyte.gz"),
        test=str(folder / "t10k-images-idx3-ubyte.gz"),
    )
    images, _ = config.images(tmp_path)
    assert {name: len(label) for name, (_, label) in images.items()} == {
        "train": 55_000,
        "valid": 5_000,
        "test": 10_000,
    }
    # As published: the first test image is a 7, and so many of each digit are to be tested.
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert images["test"][1][0] == 7 and np.bincount(images["test"][1]).tolist() == counts


def test_a_picture_is_brought_to_the_size_of_the_images(idx, tmp_path):
    facts = prepare(idx, tmp_path / "cache").facts
    Image.fromarray(pixels(1)[0]).save(tmp_path / "same.png")
    Image.new("RGB", (40, 60), "white").save(tmp_path / "large.png")
    read = idx.read([str(tmp_path / "same.png"), str(tmp_path / "large.png")], facts, None)
    np.testing.assert_array_equal(
        read.columns["frames"][0], idx.view_of(pixels(1), facts.normalisation)[0]
    )
    assert len(np.unique(read.columns["frames"][1])) == 1


@pytest.mark.parametrize("content", [b"", b"text", b"\0\0\x08\x01\0\0\0\x05ab"])
def test_a_file_that_is_no_idx_file(idx, tmp_path, content):
    (tmp_path / "labels.bin").write_bytes(content)
    (tmp_path / "images.bin").write_bytes(content)
    config = dataclasses.replace(idx, train=str(tmp_path / "images.bin"), test="")
    with pytest.raises(UserError, match=r"data.train='.*images.bin' is (no IDX file|cut off)"):
        config.images(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "png"}, "data.source='png'"),
        ({"view": "columns"}, "data.view='columns'"),
        ({"source": "idx"}, "data.train=''"),
        ({"train": "a"}, "data.train='a'"),
        ({"source": "tfds:mnist", "test": "a"}, "data.test='a' must be empty"),
        ({"patch_size": 0}, "data.patch_size=0"),
        ({"permutation_seed": -1}, "data.permutation_seed=-1"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(UserError, match=said):
        ImagesConfig(**settings)


def test_what_is_no_picture(idx, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    facts = prepare(idx, tmp_path / "cache").facts
    with pytest.raises(UserError, match=r"text\.png' is not the path of a readable image"):
        idx.read([str(tmp_path / "text.png")], facts, None)
