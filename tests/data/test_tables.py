"""A user's own tables: what is read, and what is said of those that cannot be."""

import bz2
import gzip
import json
import lzma

import pytest

from seqjax.data import tables
from seqjax.errors import UserError

COLUMNS = {"data.text_column": "text", "data.label_column": "label"}


def read(path, columns=COLUMNS) -> list[tuple[int, list[str]]]:
    return list(tables.read("data.train", str(path), columns))


def test_csv_is_quoted_as_usual(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_bytes(
        b"\xef\xbb\xbflabel,id,text\r\n"
        b'pos,1,"good, ""very"" good"\r\n'
        b'neg,2,"two\nlines"\r\n'
        b"\r\n"
        b"neg,3, spaces stay \xc3\xa9\r\n"
    )
    assert read(path) == [
        (2, ['good, "very" good', "pos"]),
        (3, ["two\nlines", "neg"]),
        (6, [" spaces stay é", "neg"]),
    ]


def test_tsv_is_not_quoted(tmp_path):
    path = tmp_path / "reviews.tsv"
    path.write_text('label\ttext\n1\t"And so\n0\tit\'s, like, "bad"\n\n1\ta\u2028b\n')
    assert read(path) == [
        (2, ['"And so', "1"]),
        (3, ['it\'s, like, "bad"', "0"]),
        (5, ["a\u2028b", "1"]),
    ]


def test_jsonl_holds_objects(tmp_path):
    path = tmp_path / "reviews.jsonl"
    rows = [{"text": "a\nb", "label": 1}, {"label": True, "text": "", "more": [1]}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert read(path) == [(1, ["a\nb", "1"]), (2, ["", "true"])]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)],
)
def test_compressed_files_read_alike(tmp_path, suffix, compress):
    path = tmp_path / f"reviews.csv{suffix}"
    path.write_bytes(compress(b"text,label\nfine,pos\n"))
    assert read(path) == [(2, ["fine", "pos"])]


def test_columns_are_named_by_the_user(tmp_path):
    (tmp_path / "train_data.csv").write_text("src,tgt\nfine,pos\n")
    columns = {"data.text_column": "src", "data.label_column": "tgt"}
    assert read(tmp_path / "train_data.csv", columns) == [(2, ["fine", "pos"])]


def test_spreadsheets_leave_columns_without_a_name(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label,,\nfine,pos,,\n")
    assert read(tmp_path / "reviews.csv") == [(2, ["fine", "pos"])]


def test_a_tilde_is_a_home_only_where_there_is_one(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for path in ("home/reviews.csv", "~backup.csv"):
        (tmp_path / path).write_text(f"text,label\n{path},pos\n")
    assert read("~/reviews.csv") == [(2, ["home/reviews.csv", "pos"])]
    assert read("~backup.csv") == [(2, ["~backup.csv", "pos"])]


LONG = b"x" * 200_000
BAD = {
    "wrong suffix": ("a.txt", b"", [".csv", ".tsv", ".jsonl", ".gz"]),
    "nothing in it": ("a.csv", b"", ["is empty", "name the columns"]),
    "no such column": ("a.csv", b"txt,label\n", ["line 1", "data.text_column='text'", "'txt'"]),
    "nothing near": ("a.tsv", b"words\tlabel\n", ["data.text_column='text'", "words, label"]),
    "a name twice": (
        "a.csv",
        b"text,label,text\n",
        ["line 1", "names 'text' 2 times", "of its own"],
    ),
    "another name twice": ("a.tsv", b"id\ttext\tid\tlabel\n", ["line 1", "names 'id' 2 times"]),
    "a name twice but for spaces": ("a.csv", b"text,label, label\n", ["names 'label' 2 times"]),
    "too few": ("a.csv", b"text,label\na,b\nc\n", ["line 3", "1 columns", "2 (text, label)"]),
    "too many": ("a.tsv", b"text\tlabel\n\na\tb\tc\n", ["line 3", "3 columns", "2 (text, label)"]),
    "after a quoted line end": ("a.csv", b'text,label\n"a\nb",c\nd\n', ["line 4", "1 columns"]),
    "semicolons": ("a.csv", b"text;label\na;b\n", ["line 1", "'text;label'", "';'", "','"]),
    "tabs in a csv": ("a.csv", b"text\tlabel\na\tb\n", ["line 1", r"'\t'", "','"]),
    "commas in a tsv": ("a.tsv", b"text,label\na,b\n", ["line 1", "','", r"'\t'"]),
    "not UTF-8": (
        "a.csv",
        b"text,label\na,b\ncaf\xe9,b\n",
        ["line 3", "0xe9", "position 3", "UTF-8"],
    ),
    "UTF-16": ("a.csv", "text,label\n".encode("utf-16"), ["line 1", "0xff", "UTF-8"]),
    "quote not closed": ("a.csv", b'text,label\na,b\n"c,d\ne,f\n', ["line 3", "quotation mark"]),
    "text after a quote": ("a.csv", b'text,label\n"a" b,c\n', ["line 2", "quotation mark"]),
    "field too large": ("a.csv", b"text,label\na,b\n" + LONG + b",c\n", ["line 3", "131072"]),
    "not gzip": ("a.csv.gz", b"text,label\na,b\n", ["line 0", "gzip"]),
    "cut short": ("a.csv.gz", gzip.compress(b"text,label\n" * 9)[:-9], ["cannot be read"]),
    "not xz": ("a.tsv.xz", b"text\tlabel\n", ["cannot be read"]),
    "not JSON": ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": \n', ["line 2", "not JSON"]),
    "not an object": ("a.jsonl", b'["a", 1]\n', ["line 1", "not an object"]),
    "key missing": ("a.jsonl", b'{"text": "a", "lable": 1}\n', ["line 1", "'label'", "'lable'"]),
    "no text": ("a.jsonl", b'{"text": null, "label": 1}\n', ["line 1", "'text'", "null"]),
}


@pytest.mark.parametrize(("name", "content", "said"), BAD.values(), ids=BAD)
def test_bad_files_are_told_with_field_file_and_line(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    for part in ["data.train=", str(path), *said]:
        assert part in message
    assert message.endswith((".", "?"))
    assert "\n" not in message


def test_a_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("absent.csv", ".", "~backup.csv", f"{'long' * 2000}.csv", "zero\0.csv"):
        with pytest.raises(UserError) as error:
            read(name)
        assert f"data.train={name!r}" in str(error.value)
        assert str(tmp_path) in str(error.value)
