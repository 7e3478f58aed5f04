"""Files out of folders and archives, which may be hostile or damaged."""

import io
import tarfile
import zipfile

import pytest

from seqjax.data import archives
from seqjax.data.archives import contents
from seqjax.errors import UserError

FILES = {"b.wav": b"second", "a.wav": b"first", "notes.txt": b"no sound"}


@pytest.fixture(params=["folder", "words.tar.xz", "words.tar", "words.zip"])
def packed(request, tmp_path):
    """Returns the same files in a folder or an archive, within a folder of theirs."""
    path = tmp_path / request.param
    if request.param == "folder":
        (path / "recordings").mkdir(parents=True)
        for name, content in FILES.items():
            (path / "recordings" / name).write_bytes(content)
    elif request.param.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in FILES.items():
                archive.writestr(f"recordings/{name}", content)
    else:
        write_tar(path, {f"recordings/{name}": content for name, content in FILES.items()})
    return path


def write_tar(path, files, kind=tarfile.REGTYPE):
    mode = "w:xz" if path.suffix == ".xz" else "w"
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))


def test_files_come_in_order_from_anything_that_holds_them(packed):
    found = contents("data.train", str(packed), ".wav")
    assert list(found.items()) == [("a.wav", b"first"), ("b.wav", b"second")]


def test_names_that_lead_out_write_nothing_and_links_are_passed_over(tmp_path):
    folder = tmp_path / "inner" / "folder"
    folder.mkdir(parents=True)
    write_tar(folder / "evil.tar", {"../../out.wav": b"x", "/absolute.wav": b"y"})
    assert contents("data.train", str(folder / "evil.tar"), ".wav").keys() == {
        "out.wav",
        "absolute.wav",
    }
    assert [path.name for path in tmp_path.rglob("*.*")] == ["evil.tar"]
    write_tar(folder / "link.tar", {"a.wav": b""}, kind=tarfile.SYMTYPE)
    with pytest.raises(UserError, match=r"link\.tar' holds no file that ends in \.wav"):
        contents("data.train", str(folder / "link.tar"), ".wav")


def test_what_cannot_be_read_is_told(packed, tmp_path, monkeypatch):
    for path, said in (
        (tmp_path / "absent.tar", "is not a readable file"),
        (tmp_path / "text.tar", "is no folder, and neither a tar nor a zip archive"),
        (tmp_path / "short.tar.xz", "(cannot be read|neither a tar)"),
    ):
        if path.name == "text.tar":
            path.write_text("no archive" * 100)
        elif path.name == "short.tar.xz":
            write_tar(path, {f"{n}.wav": bytes([n]) * 5000 for n in range(9)})
            path.write_bytes(path.read_bytes()[:-60])
        with pytest.raises(UserError, match=f"data.train='.*{path.name}' {said}"):
            contents("data.train", str(path), ".wav")
    with pytest.raises(UserError, match=r"holds no file that ends in \.mp3"):
        contents("data.train", str(packed), ".mp3")
    monkeypatch.setattr(archives, "MOST_BYTES_TOGETHER", 7)
    with pytest.raises(UserError, match=r"more than 7 bytes together; give a part"):
        contents("data.train", str(packed), ".wav")
    monkeypatch.setattr(archives, "MOST_BYTES", 5)
    with pytest.raises(UserError, match=r"b\.wav' has 6 bytes, more than 5"):
        contents("data.train", str(packed), ".wav")


def test_two_files_of_one_name_are_refused(tmp_path):
    write_tar(tmp_path / "twice.tar", {"one/a.wav": b"x", "two/a.wav": b"y"})
    with pytest.raises(UserError, match=r"two files named 'a\.wav'"):
        contents("data.train", str(tmp_path / "twice.tar"), ".wav")
