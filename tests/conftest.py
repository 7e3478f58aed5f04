"""What every test stands on: eight CPU devices, a cache of its own, and checked array shapes."""

import csv
import gc
import gzip
import os
import random
import signal
import struct
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

# Read by JAX when it is imported, and by the commands that tests start.
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# A shell script that starts the suite in the background has it ignored, here and in the commands.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Removed when the process ends.
_cache = tempfile.TemporaryDirectory(prefix="seqjax-cache-")
os.environ["SEQJAX_CACHE"] = _cache.name

import hypothesis  # noqa: E402
import jax  # noqa: E402
import jaxtyping  # noqa: E402
import numpy as np  # noqa: E402
from jax._src import compiler  # noqa: E402
from scipy.io import wavfile  # noqa: E402

# Traced programs are many small objects that stay, through which the collector would go in vain.
gc.set_threshold(20_000, 20, 20)
jaxtyping.install_import_hook(["seqjax.ops", "seqjax.models"], "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")
# The first example of a property compiles, and a suite that is green once stays so.
hypothesis.settings.register_profile("seqjax", deadline=None, derandomize=True)
hypothesis.settings.load_profile("seqjax")


# Half of the time goes into fused loops' own compiler, most of the rest into optimizing.
QUICKLY = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


@pytest.fixture(scope="session")
def compiled_quickly() -> Callable[[], AbstractContextManager]:
    """Returns a context for small programs, most of whose time goes into compiling them well.

    Not for tests of the operations: theirs are the programs that users run.
    """

    @contextmanager
    def quickly():
        compile_options = compiler.get_compile_options

        def quick_options(*arguments, env_options_overrides=None, **settings):
            options = QUICKLY | (env_options_overrides or {})
            return compile_options(*arguments, env_options_overrides=options, **settings)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiler, "get_compile_options", quick_options)
            yield

    return quickly


@pytest.fixture(scope="module")
def quickly(compiled_quickly):
    """The programs of a module are compiled quickly."""
    with compiled_quickly():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Returns the folder of public data sets: SEQJAX_TEST_DATA, or shared/data by the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SEQJAX_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; SEQJAX_TEST_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory) -> dict[str, Path]:
    """Returns `train`, `valid` and `test`: CSV files of texts that are labelled by their words."""
    folder = tmp_path_factory.mktemp("reviews")
    chance = random.Random(0)
    paths = {}
    for split, rows in (("train", 60), ("valid", 20), ("test", 20)):
        paths[split] = folder / f"{split}.csv"
        with open(paths[split], "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            for row in range(rows):
                words = ["good", "fine"] if row % 2 else ["bad", "dull"]
                words = chance.choices(
                    [*words, "a", "film", "with", "some", "actors"], k=3 + row % 7
                )
                writer.writerow([" ".join(words), "fresh" if row % 2 else "rotten"])
    return paths


@pytest.fixture(scope="session")
def tiny(reviews) -> dict[str, object]:
    """Returns settings, by their path, that make any run of a text classifier a matter of seconds.

    Eight rows a batch, one for each device; eight steps an epoch, the last of them half empty.
    """
    sizes = dict.fromkeys(("embedding_size", "width", "feed_forward_size", "inner_size"), 8)
    return {
        "data.source": "files",
        **{f"data.{split}": str(path) for split, path in reviews.items()},
        "data.buckets": 1,
        **{f"model.{name}": size for name, size in sizes.items()},
        "model.heads": 2,
        "train.batch_size": 8,
        "train.epochs": 2,
        "train.log_every": 4,
    }


@pytest.fixture(scope="session")
def write_idx():
    """Returns `write_idx(path, array)`, which writes an array of bytes in the format of MNIST."""

    def write(path: Path, array: np.ndarray) -> None:
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        with (gzip.open if path.suffix == ".gz" else open)(path, "wb") as file:
            file.write(head + array.astype(np.uint8).tobytes())

    return write


@pytest.fixture
def write_words():
    """Returns `write_words(folder, labels, speakers, takes)`: wav files of a tone each label."""

    def write(folder: Path, labels: Sequence[str], speakers: Sequence[str], takes: int) -> None:
        folder.mkdir()
        chance = np.random.default_rng(0)
        for number, label in enumerate(labels):
            for speaker in speakers:
                for take in range(takes):
                    moments = np.arange(chance.integers(1000, 3000)) / 8000
                    wave = np.sin(2 * np.pi * (500 + 400 * number) * moments)
                    wave += 0.1 * chance.normal(size=len(wave))
                    samples = (8000 * wave).astype(np.int16)
                    wavfile.write(folder / f"{label}_{speaker}_{take}.wav", 8000, samples)

    return write
