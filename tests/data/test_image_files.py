"""Pictures as grey images: of what depth, what is transparent, which way up, and what is told."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from seqjax.data.image_files import read_picture
from seqjax.errors import UserError


def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 4)).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_are_shades_as_8_are(tmp_path, suffix):
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(pixels().astype(np.uint16) * 257).save(path)
    np.testing.assert_array_equal(read_picture(str(path), 6, 4), pixels())


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bits_have_no_known_range(tmp_path, dtype):
    path = tmp_path / "deep.tif"
    Image.fromarray(pixels().astype(dtype)).save(path)
    with pytest.raises(UserError, match=r"deep\.tif' has 32 bits a pixel.* 8 or 16"):
        read_picture(str(path), 6, 4)


@pytest.mark.parametrize(
    ("suffix", "settings"), [("png", {}), ("tif", {}), ("webp", {"lossless": True, "exact": True})]
)
@pytest.mark.parametrize("ink", [0, 90, 255])
def test_what_is_transparent_is_white(tmp_path, suffix, settings, ink):
    cover = pixels()
    drawn = np.full((6, 4, 4), ink, np.uint8)
    drawn[..., 3] = cover
    path = tmp_path / f"drawn.{suffix}"
    Image.fromarray(drawn).save(path, **settings)
    over_white = ink * (cover / 255) + 255 * (1 - cover / 255)
    np.testing.assert_allclose(read_picture(str(path), 6, 4), over_white, atol=1)


def test_a_colour_that_is_transparent_is_white(tmp_path):
    indices = pixels() % 2
    picture = Image.fromarray(indices).convert("P")
    picture.putpalette([0, 0, 0, 60, 60, 60])
    for name in ("drawn.png", "drawn.gif"):
        picture.save(tmp_path / name, transparency=0)
        found = read_picture(str(tmp_path / name), 6, 4)
        np.testing.assert_array_equal(found, np.where(indices == 0, 255, 60))


def test_what_covers_everything_is_as_if_nothing_were_transparent(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    colours[..., 3] = 255
    for name, picture in (("rgba", colours), ("rgb", colours[..., :3])):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    found = [read_picture(str(tmp_path / f"{name}.png"), 6, 4) for name in ("rgba", "rgb")]
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[1], Image.fromarray(colours[..., :3]).convert("L"))


# The turns of EXIF 2.32, section 4.6.4 A, "Orientation": the sides at which row 0 and column 0 lie.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize(
    ("suffix", "settings"),
    [("png", {}), ("jpg", {"quality": 100}), ("tif", {"compression": "tiff_lzw"})],
)
def test_a_picture_is_turned_as_its_camera_was(tmp_path, suffix, settings, orientation):
    stored = np.kron(np.array([[0, 90, 180], [40, 130, 255]], np.uint8), np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(stored).save(path, exif=exif, **settings)
    row_side, column_side = SIDES[orientation]
    seen = stored if row_side in ("top", "bottom") else stored.T
    if "bottom" in (row_side, column_side):
        seen = seen[::-1]
    if "right" in (row_side, column_side):
        seen = seen[:, ::-1]
    np.testing.assert_allclose(read_picture(str(path), *seen.shape), seen, atol=2)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"", b"no metadata", b"MM\0*\0\0\0\x08\0\x01"])
def test_damaged_metadata_turn_nothing(tmp_path, exif):
    Image.fromarray(pixels()).save(tmp_path / "photo.png", exif=exif)
    np.testing.assert_array_equal(read_picture(str(tmp_path / "photo.png"), 6, 4), pixels())


def test_dark_on_light_is_not_taken_for_light_on_dark(tmp_path):
    picture = Image.fromarray(pixels())
    ImageOps.invert(picture).save(tmp_path / "paper.png")
    np.testing.assert_array_equal(read_picture(str(tmp_path / "paper.png"), 6, 4), 255 - pixels())


@pytest.mark.parametrize("place", range(0, 90, 3))
def test_a_damaged_picture_is_read_or_told(tmp_path, place):
    buffer = io.BytesIO()
    Image.fromarray(pixels()).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[place % len(content)] ^= 0xFF
    (tmp_path / "damaged.png").write_bytes(bytes(content))
    try:
        assert read_picture(str(tmp_path / "damaged.png"), 6, 4).shape == (6, 4)
    except UserError as error:
        assert "damaged.png' is not the path of a readable image" in str(error)


@pytest.mark.parametrize("name", ["", "~x.png", "long" * 2000, "zero\0"])
def test_a_path_that_cannot_be_is_told(name):
    with pytest.raises(UserError, match="is not the path of a readable image"):
        read_picture(name, 6, 4)


def test_a_tilde_that_is_no_home_is_part_of_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pixels()).save("~x.png")
    np.testing.assert_array_equal(read_picture("~x.png", 6, 4), pixels())
