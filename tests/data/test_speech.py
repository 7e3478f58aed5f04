"""Recordings, their log-mel steps, and who is heard in which split."""

import dataclasses
import hashlib
import http.server
import io
import itertools
import tarfile
import threading
from functools import partial

import numpy as np
import pytest
import tensorflow_datasets
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile
from scipy.signal import stft
from tensorflow_datasets.core.download.checksums import UrlInfo

from seqjax.data.mel import log_mel, mel, triangles
from seqjax.data.prepare import prepare
from seqjax.data.recordings import COLUMNS, KEYS, ROWS, decoded, speakers, tones
from seqjax.data.speech import SpeechConfig
from seqjax.errors import UserError


@pytest.fixture
def words(write_words, tmp_path):
    """A configuration of two words, said twelve times each by two speakers."""
    write_words(tmp_path / "words", ("yes", "no"), ("ann", "bob"), takes=12)
    return SpeechConfig(source="files", train=str(tmp_path / "words"), mel_bins=8, speeds=(1.0,))


def test_steps_are_the_spectra_of_scipy_in_triangles_of_mel():
    sound = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    found = log_mel(sound, 8000, window=200, hop=80, bins=40)
    _, _, spectrum = stft(
        sound, window="hann", nperseg=200, noverlap=120, nfft=512, boundary=None, padded=False
    )
    power = abs(spectrum.T * 100) ** 2  # SciPy divides by the sum of the window
    assert found.shape == (11, 40) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.log(power @ triangles(512, 8000, 40)), atol=1e-3)


def test_triangles_overlap_so_that_every_frequency_counts_once():
    weights = triangles(512, 8000, 40)
    corners = np.linspace(0, mel(4000), 42)
    inside = (mel(np.arange(257) * 8000 / 512) >= corners[1]) & (
        mel(np.arange(257) * 8000 / 512) <= corners[-2]
    )
    np.testing.assert_allclose(weights[inside].sum(axis=1), 1)
    assert np.all(weights.max(axis=0) > 0.3)  # no bin is empty


@given(st.floats(150, 3700))
def test_a_tone_is_heard_in_the_bin_of_its_frequency(frequency):
    sound = np.sin(2 * np.pi * frequency / 8000 * np.arange(400))
    loudest = log_mel(sound, 8000, window=200, hop=80, bins=20)[1].argmax()
    centres = np.linspace(0, mel(4000), 22)[1:-1]
    assert abs(centres[loudest] - mel(frequency)) <= centres[1] - centres[0]


def test_a_sound_of_any_length_has_a_step():
    for length in (0, 1, 199, 200, 279, 280):
        steps = log_mel(np.zeros(length), 8000, window=200, hop=80, bins=4)
        assert steps.shape == (1 + max(0, length - 200) // 80, 4)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_wav_files_of_any_kind_give_the_same_sound(dtype):
    wave = 0.5 * np.sin(np.arange(1000) * 2 * np.pi / 50)
    samples = {
        "uint8": 128 + 128 * wave,
        "int16": 2**15 * wave,
        "int32": 2**31 * wave,
        "float32": wave,
    }[dtype].astype(dtype)
    for rate, channels in ((8000, 1), (16_000, 2)):
        file = io.BytesIO()
        wavfile.write(file, rate, np.stack([samples] * channels, axis=1))
        found = decoded(file.getvalue(), "x", 8000)
        assert found.dtype == np.float32
        # In the middle: where a sound starts and ends, resampling rings.
        step = rate // 8000
        np.testing.assert_allclose(found[100:400], wave[::step][100:400], atol=0.02)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"text" * 30])
def test_what_is_no_wav_file_is_told(content):
    with pytest.raises(UserError, match="x is not a readable wav file"):
        decoded(content, "x", 8000)


def test_takes_decide_the_splits(words, tmp_path):
    data = prepare(words, tmp_path / "cache")
    rows = {name: facts.rows_of_label for name, facts in data.facts.splits.items()}
    assert rows == {"train": (4, 4), "valid": (10, 10), "test": (10, 10)}
    assert data.facts.labels == ("no", "yes") and data.facts.frame_size == 8
    frames = data.splits["train"].columns["frames"]
    np.testing.assert_allclose(frames.values.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(frames.values.std(axis=0), 1, atol=1e-4)


@pytest.fixture
def spoken_digit(words, tmp_path, monkeypatch):
    """The recordings of `words` in the place of the data set's own, packed alike, on a server."""
    folder = tmp_path / "served"
    folder.mkdir()
    with tarfile.open(folder / "v1.0.9.tar.gz", "w:gz") as archive:
        archive.add(words.train, "free-spoken-digit-dataset-1.0.9/recordings")
        archive.add(__file__, "free-spoken-digit-dataset-1.0.9/metadata.py")
    content = (folder / "v1.0.9.tar.gz").read_bytes()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("NO_PROXY", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        builder = tensorflow_datasets.builder_cls("spoken_digit")
        (info,) = builder.url_infos.values()
        url = f"http://127.0.0.1:{server.server_port}/v1.0.9.tar.gz"
        info = UrlInfo(len(content), hashlib.sha256(content).hexdigest(), info.filename)
        monkeypatch.setattr(builder, "url_infos", {url: info})
        yield folder
        server.shutdown()


def test_spoken_digits_are_downloaded(words, spoken_digit, tmp_path):
    found = prepare(
        dataclasses.replace(words, source="tfds:spoken_digit", train=""), tmp_path / "cache"
    )
    by_hand = prepare(words, tmp_path / "cache")
    assert found.facts.splits == by_hand.facts.splits and found.notes == by_hand.notes
    for name, split in by_hand.splits.items():
        frames = found.splits[name].columns["frames"]
        np.testing.assert_array_equal(frames.values, split.columns["frames"].values)


def test_where_spoken_digits_are_put_by_hand_is_told(words, spoken_digit, tmp_path):
    config = dataclasses.replace(words, source="tfds:spoken_digit", train="")
    (spoken_digit / "v1.0.9.tar.gz").rename(tmp_path / "free-spoken-digit-dataset-1.0.9.tar.gz")
    with pytest.raises(UserError, match=r"data\.source='tfds:spoken_digit' could not") as error:
        config.recordings(tmp_path / "cache")
    manual = tmp_path / "cache" / "tfds" / "downloads" / "manual"
    assert f" to {manual}/free-spoken-digit-dataset-1.0.9.tar.gz." in str(error.value)
    manual.mkdir()
    (tmp_path / "free-spoken-digit-dataset-1.0.9.tar.gz").rename(
        manual / "free-spoken-digit-dataset-1.0.9.tar.gz"
    )
    spoken = config.recordings(tmp_path / "cache")
    assert {name: len(rows) for name, rows in spoken.items()} == {
        "train": 8,
        "valid": 20,
        "test": 20,
    }


def test_a_held_out_speaker_is_heard_in_the_test_alone(words, tmp_path):
    spoken = SpeechConfig(source="files", train=words.train, held_out_speaker="bob").recordings(
        tmp_path
    )
    assert {name: (len(rows), speakers(rows)) for name, rows in spoken.items()} == {
        "train": (14, ("ann",)),
        "valid": (10, ("ann",)),
        "test": (24, ("bob",)),
    }


def test_training_recordings_are_there_at_every_speed(words, tmp_path):
    fast = SpeechConfig(source="files", train=words.train, speeds=(1.0, 2.0))
    data = prepare(fast, tmp_path / "cache")
    lengths = data.splits["train"].columns["frames"].lengths
    assert len(lengths) == 2 * 8 and len(data.splits["valid"]) == 20
    np.testing.assert_allclose(lengths[8:], lengths[:8] / 2, atol=2)


def test_a_recording_that_is_read_is_that_of_the_split(words, tmp_path):
    data = prepare(words, tmp_path / "cache")
    path = tmp_path / "words" / "no_ann_0.wav"
    read = words.read([str(path)], data.facts, None)
    np.testing.assert_allclose(
        read.columns["frames"][0], data.splits["test"].columns["frames"][0], atol=1e-6
    )
    wavfile.write(tmp_path / "long.wav", 16_000, np.zeros(100_000, np.int16))
    long = words.read([str(tmp_path / "long.wav")], data.facts, None)
    assert long.columns["frames"].lengths.tolist() == [words.longest]


def test_tones_are_those_of_the_keys_and_the_same_on_any_machine():
    found = tones(8000)
    assert len(found) == 1000 and len(speakers(found)) == 4
    assert KEYS[0] == (3, 1) and KEYS[1] == (0, 0) and KEYS[9] == (2, 2)
    for recording in found[::97]:
        spectrum = abs(np.fft.rfft(recording.samples, 8000))
        row, column = KEYS[int(recording.label)]
        low = spectrum[450:1300].argmax() + 450
        high = spectrum[1500:3000].argmax() + 1500
        assert abs(low / ROWS[row] - 1) < 0.03 and abs(high / COLUMNS[column] - 1) < 0.03
    np.testing.assert_allclose(found[500].samples[:3], [-0.0662, -0.3513, -0.505], atol=1e-4)


def test_another_speed_does_not_make_one_key_of_another():
    speeds = SpeechConfig().speeds
    for tuned in (ROWS, COLUMNS):
        for low, high in itertools.pairwise(tuned):
            assert 1.02 * max(speeds) * low < 0.98 * min(speeds) * high


def test_recordings_as_published(shared_data, tmp_path):
    paths = {split: str(shared_data / "fsdd" / f"{split}.tar.xz") for split in ("train", "test")}
    config = SpeechConfig(source="files", **paths)
    spoken = config.recordings(tmp_path)
    # The official split: takes below 5 are to be tested.
    assert {name: len(rows) for name, rows in spoken.items()} == {
        "train": 2_400,
        "valid": 300,
        "test": 300,
    }
    learned = spoken["train"] + spoken["valid"]
    for rows, takes in ((learned, range(5, 50)), (spoken["test"], range(5))):
        found = {(r.label, r.speaker, r.take) for r in rows}
        who = speakers(rows)
        assert len(who) == 6
        assert found == {(str(d), s, t) for d in range(10) for s in who for t in takes}
    lengths = [len(recording.samples) for rows in spoken.values() for recording in rows]
    assert (min(lengths), max(lengths)) == (1_148, 18_262)
    held_out = dataclasses.replace(config, held_out_speaker="theo").recordings(tmp_path)
    assert {name: (len(rows), "theo" in speakers(rows)) for name, rows in held_out.items()} == {
        "train": (2_250, False),
        "valid": (250, False),
        "test": (500, True),
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "tone"}, "data.source='tone' is unknown; did you mean 'tones'"),
        ({"source": "files"}, "source=files needs train"),
        ({"train": "a"}, "data.train='a'"),
        ({"rate": 10}, "data.rate=10"),
        ({"hop_milliseconds": 0.5}, "data.hop_milliseconds=0.5"),
        ({"window_milliseconds": 5000.0}, "data.window_milliseconds=5000.0"),
        ({"speeds": ()}, r"data.speeds=\(\)"),
        ({"speeds": (3.0,)}, r"data.speeds=\(3.0,\)"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(UserError, match=said):
        SpeechConfig(**settings)


def test_what_is_wrong_with_the_recordings_is_told(words, write_words, tmp_path):
    with pytest.raises(UserError, match=r"held_out_speaker='bobb'.*did you mean 'bob'"):
        SpeechConfig(source="files", train=words.train, held_out_speaker="bobb").recordings(
            tmp_path
        )
    write_words(tmp_path / "other", ("maybe",), ("ann",), takes=1)
    other = SpeechConfig(source="files", train=words.train, test=str(tmp_path / "other"))
    with pytest.raises(UserError, match="'maybe'"):
        prepare(other, tmp_path / "cache")
    with pytest.raises(UserError, match=r"data\.train='/nowhere' is not a readable file"):
        SpeechConfig(source="files", train="/nowhere").fingerprint()
    (tmp_path / "words" / "hello.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"'hello\.wav' does not tell its label"):
        words.recordings(tmp_path)
    with pytest.raises(UserError, match=r"line='/nowhere' is not a readable file"):
        words.read(["/nowhere"], None, None)
