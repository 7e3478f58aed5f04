"""Archives that TFDS names are downloaded once, go on where they broke off, and are checked."""

import dataclasses
import io
import re
import sys
import zipfile
from pathlib import Path

import pytest
import tensorflow_datasets

from seqjax.data import downloads, tfds
from seqjax.data.archives import contents
from seqjax.errors import UserError

pytestmark = pytest.mark.usefixtures("polite")


class Sounds:
    """A set that TFDS cannot describe without TensorFlow: nothing but where its archive is."""

    url_infos = None


@pytest.fixture
def sounds(server, infos_of, monkeypatch):
    """Serves an archive as the one file of the set `sounds`; returns its content."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.txt", f"sound {number}")
    content = zipped.getvalue()
    monkeypatch.setitem(server.contents, "/test.zip", content)
    monkeypatch.setattr(Sounds, "url_infos", infos_of({"/test.zip": content}))
    monkeypatch.setattr(tensorflow_datasets, "builder_cls", lambda name: Sounds)
    return content


def bring(folder: Path) -> Path:
    """The archive of the set `sounds`."""
    (path,) = tfds.downloaded("tfds:sounds", "sounds", folder).values()
    return path


def parts(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "downloads").rglob("*.part")]


def told(folder: Path) -> str:
    """The sentence in which a download ends."""
    with pytest.raises(UserError) as error:
        bring(folder)
    assert str(error.value).startswith("data.source='tfds:sounds'")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_archive_of_a_set_is_downloaded_once_and_checked(sounds, server, tmp_path):
    path = bring(tmp_path)
    assert path.read_bytes() == sounds and not parts(tmp_path)
    assert len(contents("data.source", str(path), ".txt")) == 20
    assert bring(tmp_path) == path
    assert server.asked == [("/test.zip", None)]
    assert "tensorflow" not in sys.modules


def test_a_download_goes_on_where_the_connection_was_cut(sounds, server, tmp_path):
    server.cuts["/test.zip"] = 1000
    assert bring(tmp_path).read_bytes() == sounds
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]
    assert not parts(tmp_path)


def test_how_far_a_download_is_and_how_long_it_will_take_is_told(
    sounds, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(downloads, "SECONDS_BETWEEN_LINES", -1)
    bring(tmp_path)
    shown = capsys.readouterr()
    first, *_, last = shown.err.splitlines()
    assert first == "downloading published_test.zip: 0.0 of 0.0 MB"
    assert last == "downloading published_test.zip: 0.0 of 0.0 MB, about 0 s to go"
    assert not shown.out


def test_a_download_goes_on_where_an_earlier_run_broke_off(sounds, server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "RETRIES", -1)
    server.cuts["/test.zip"] = 1000
    assert f"goes on after 1,000 of {len(sounds):,} bytes" in told(tmp_path)
    assert parts(tmp_path) == [sounds[:1000]]
    assert bring(tmp_path).read_bytes() == sounds and not parts(tmp_path)
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]


def test_a_server_that_knows_no_ranges_sends_everything_anew(sounds, server, tmp_path):
    server.knows_ranges = False
    server.cuts["/test.zip"] = 1000
    assert bring(tmp_path).read_bytes() == sounds
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]


def test_a_part_that_is_too_long_is_no_part(sounds, server, tmp_path):
    path = bring(tmp_path)
    path.rename(f"{path}.part")
    with open(f"{path}.part", "ab") as file:
        file.write(b"more")
    assert bring(tmp_path).read_bytes() == sounds
    assert [asked for _, asked in server.asked] == [None, f"bytes={len(sounds) + 4}-", None]


@pytest.mark.parametrize("change", ["other", "shorter", "longer"])
def test_a_file_that_is_not_as_published_is_removed(change, sounds, server, tmp_path, monkeypatch):
    sent = {"other": b"?" + sounds[1:], "shorter": sounds[:-1], "longer": sounds + b"?"}[change]
    monkeypatch.setitem(server.contents, "/test.zip", sent)
    said = told(tmp_path)
    assert f"is not the one that TFDS {tensorflow_datasets.__version__} expects" in said
    assert f" to {tmp_path / 'downloads' / 'manual' / 'published_test.zip'}." in said
    assert not parts(tmp_path)
    monkeypatch.setitem(server.contents, "/test.zip", sounds)
    assert bring(tmp_path).read_bytes() == sounds


def test_without_a_network_the_place_for_the_file_is_told(
    sounds, infos_of, nowhere, tmp_path, monkeypatch
):
    monkeypatch.setattr(Sounds, "url_infos", infos_of({"/test.zip": sounds}, nowhere))
    said = told(tmp_path)
    assert "could not be downloaded" in said and "connect to the network" in said
    place = Path(re.search(r" to (\S+)\.$", said)[1])
    assert place == tmp_path / "downloads" / "manual" / "published_test.zip"
    place.parent.mkdir()
    place.write_bytes(sounds)
    assert bring(tmp_path) == place


def test_a_file_that_bears_no_name_has_a_place_too(
    sounds, infos_of, nowhere, tmp_path, monkeypatch
):
    ((url, info),) = infos_of({"/test.zip": sounds}, nowhere).items()
    monkeypatch.setattr(Sounds, "url_infos", {url: dataclasses.replace(info, filename=None)})
    place = Path(re.search(r" to (\S+)\.$", told(tmp_path))[1])
    place.write_bytes(sounds)
    assert bring(tmp_path).read_bytes() == sounds


def test_a_server_that_refuses_is_asked_once(sounds, server, tmp_path, monkeypatch):
    monkeypatch.delitem(server.contents, "/test.zip")
    assert "HTTP status 404" in told(tmp_path)
    assert len(server.asked) == 1


def test_another_file_that_was_put_there_by_hand_is_told(sounds, server, tmp_path):
    by_hand = tmp_path / "downloads" / "manual" / "published_test.zip"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"another")
    assert f"is not the one that TFDS {tensorflow_datasets.__version__} expects" in told(tmp_path)
    assert f"remove {by_hand} and try again" in told(tmp_path)
    assert not server.asked
