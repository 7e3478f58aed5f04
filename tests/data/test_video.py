"""Clips of moving digits: what is seen is what the labels say."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from seqjax.data.prepare import prepare
from seqjax.data.probes.draws import Draws
from seqjax.data.video import DIRECTIONS, SPEEDS, VideoConfig, direction_of, paths
from seqjax.errors import UserError

WAYS = np.array(list(DIRECTIONS.values()))


@pytest.fixture
def clips(write_idx, tmp_path):
    """A configuration of clips of images that each are one shade of grey, 4 × 6 pixels."""
    shade = np.arange(24, dtype=np.uint8)[:, None, None] * 10 + 1
    for name, rows in (("train", 24), ("t10k", 5)):
        images = np.broadcast_to(shade[:rows], (rows, 4, 6))
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.arange(rows) % 10)
    return VideoConfig(
        source="idx",
        train=str(tmp_path / "train-images-idx3-ubyte"),
        test=str(tmp_path / "t10k-images-idx3-ubyte"),
        frames=9,
        canvas=8,
        train_rows=50,
        valid_rows=5,
        test_rows=20,
    )


def walked(start, towards, speed, room, steps):
    """A walk between two walls, pixel by pixel: places, and the signs of the next move."""
    place, sign, places, signs = start, towards, [], []
    for _ in range(steps):
        if towards and place + sign in (-1, room + 1):
            sign = -sign
        places.append(place)
        signs.append(sign)
        for _ in range(speed):
            if place + sign in (-1, room + 1):
                sign = -sign
            place += sign
    return places, signs


def test_a_digit_walks_and_turns_at_the_walls():
    rooms = np.array([5, 3])
    draws = Draws.of(0, np.arange(200))
    corners, signs = paths(draws, rooms, 12)
    towards = WAYS[draws.below(8, 1, [0])[:, 0]]
    speeds = np.array(SPEEDS)[draws.below(2, 2, [0])[:, 0]]
    for row in range(200):
        for axis in range(2):
            places, ways = walked(
                int(corners[row, 0, axis]),
                int(towards[row, axis]),
                int(speeds[row]),
                int(rooms[axis]),
                12,
            )
            assert corners[row, :, axis].tolist() == places
            assert signs[row, :, axis].tolist() == ways
    assert set(speeds) == set(SPEEDS) and len(set(direction_of(signs)[:, 0])) == 8


def test_frames_show_the_image_where_it_is(clips, tmp_path):
    data = prepare(clips, tmp_path / "cache")
    for name, rows, images in (("train", 50, 22), ("valid", 5, 2), ("test", 20, 5)):
        columns = data.splits[name].columns
        whole = np.concatenate([columns["frames"], columns["after"][:, None]], axis=1)
        assert whole.shape == (rows, 10, 64) and whole.dtype == np.uint8
        shade = whole.reshape(rows, -1).max(axis=1)
        assert np.all((whole > 0).sum(axis=2) == 2 * 3)  # half of 4 × 6
        assert np.all(np.where(whole > 0, shade[:, None, None], 0) == whole)
        number = shade // 10
        np.testing.assert_array_equal(columns["digit"], number % 10)
        assert len(set(number)) <= images
        if name == "valid":
            assert number.min() >= 22  # of the images that were cut from the end of train
        down, right = (
            (whole.reshape(rows, 10, 8, 8) > 0).any(axis=axis).argmax(axis=-1) for axis in (3, 2)
        )
        # Away from the walls, the next frame is where the direction says.
        way = WAYS[columns["direction"]]
        for moved, axis, room in ((np.diff(down), 0, 6), (np.diff(right), 1, 5)):
            place = (down, right)[axis][:, :-1]
            free = (place >= 2) & (place <= room - 2)
            assert free.any()
            np.testing.assert_array_equal(np.sign(moved)[free], way[..., axis][free])


def test_a_clip_is_a_function_of_seed_split_and_number(clips, tmp_path):
    images, _ = clips.images.images(tmp_path)
    few = clips.clips("train", 7, *images["train"]).columns
    more = clips.clips("train", 50, *images["train"]).columns
    for name, column in few.items():
        np.testing.assert_array_equal(column, more[name][:7])
    other = dataclasses.replace(clips, seed=1).clips("train", 7, *images["train"]).columns
    assert np.any(other["frames"] != few["frames"])
    split = clips.clips("valid", 7, *images["train"]).columns
    assert np.any(split["frames"] != few["frames"])
    assert few["direction"][:3, 0].tolist() == [2, 1, 7]


def test_the_last_frame_is_measured_as_a_forecast(clips, tmp_path):
    data = prepare(clips, tmp_path / "cache")
    columns = data.splits["test"].columns
    whole = np.concatenate([columns["frames"], columns["after"][:, None]], axis=1) / 255
    found = data.facts.splits["test"].measures["last_frame_mse"]
    np.testing.assert_allclose(found, np.mean(np.diff(whole, axis=1) ** 2), rtol=1e-5)


def test_an_animated_picture_is_read(clips, tmp_path):
    frames = prepare(clips, tmp_path / "cache").splits["test"].columns["frames"][0]
    pictures = [Image.fromarray(frame.reshape(8, 8)) for frame in frames]
    pictures[0].save(tmp_path / "clip.png", save_all=True, append_images=pictures[1:])
    found = clips.read([str(tmp_path / "clip.png")], None, None).columns["frames"]
    np.testing.assert_array_equal(found[0], frames)
    pictures[0].save(tmp_path / "short.gif", save_all=True, append_images=pictures[1:3])
    (tmp_path / "text.gif").write_text("no clip")
    for name, said in (("short", "data.frames=9: bring a longer"), ("text", "no|not the path")):
        with pytest.raises(UserError, match=said):
            clips.read([str(tmp_path / f"{name}.gif")], None, None)


def test_clips_are_made_grey_as_pictures_are(clips, tmp_path):
    cover = np.random.default_rng(0).integers(0, 256, (9, 8, 8)).astype(np.uint8)
    ink = np.zeros((9, 8, 8, 4), np.uint8)
    ink[..., 3] = cover
    for suffix, settings in (("png", {}), ("webp", {"lossless": True, "exact": True})):
        path = tmp_path / f"ink.{suffix}"
        first, *rest = map(Image.fromarray, ink)
        first.save(path, save_all=True, append_images=rest, **settings)
        found = clips.read([str(path)], None, None).columns["frames"][0]
        np.testing.assert_allclose(found.reshape(9, 8, 8), 255.0 - cover, atol=1)


@pytest.mark.parametrize("name", ["", "~x.gif", "long" * 2000, "zero\0"])
def test_a_path_that_cannot_be_is_told(clips, name):
    with pytest.raises(UserError, match="is not the path of a readable clip"):
        clips.read([name], None, None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "png"}, "data.source='png'"),
        ({"source": "idx"}, "data.train=''"),
        ({"frames": 1}, "data.frames=1"),
        ({"seed": -1}, "data.seed=-1"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(UserError, match=said):
        VideoConfig(**settings)


def test_a_canvas_that_is_too_small_and_images_of_odd_size(clips, write_idx, tmp_path):
    with pytest.raises(UserError, match=r"data\.canvas=3 leaves digits of 3 pixels no room"):
        prepare(dataclasses.replace(clips, canvas=3), tmp_path / "cache")
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros((24, 5, 6)))
    with pytest.raises(UserError, match="Images of 5×6 cannot be halved"):
        prepare(dataclasses.replace(clips, test=""), tmp_path / "cache")
