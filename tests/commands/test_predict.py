import pytest

GOOD, BAD = b"good fine good fine good", b"bad dull bad dull bad"


def answers(outcome):
    assert outcome.status == 0, outcome.err
    lines = [line.split("\t") for line in outcome.out.splitlines()]
    return [(label, float(share)) for label, share in lines]


@pytest.fixture
def predict(command, one_run):
    def run(stdin):
        return answers(command("predict", f"--workdir={one_run}", stdin=stdin))

    return run


def test_a_label_and_its_probability_for_every_line_in_order(predict):
    found = predict(b"\n".join([GOOD, BAD, BAD, GOOD]))
    assert [label for label, _ in found] == ["fresh", "rotten", "rotten", "fresh"]
    assert all(0.5 <= share <= 1 for _, share in found)
    assert found[0] == found[3] and found[1] == found[2]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"", "empty"),
        (b" \t ", "blank"),
        (b"good " * 200_000, "a megabyte of words"),
        (b"g" * 1_000_000, "a megabyte in a word"),
        ("喝彩 🎬 \u2028 \x0b \x00 \x85 e\u0301".encode(), "unknown characters"),
        (b"good \xff\xfe film \xc3", "no UTF-8"),
        (b"good\rfilm\r", "carriage returns"),
        (b"[PAD] [UNK] [EOS]", "special tokens"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_line_has_an_answer_and_changes_no_other(predict, line, what):
    expected = predict(GOOD + b"\n" + BAD + b"\n")
    first, middle, last = predict(b"\n".join([GOOD, line, BAD]))
    assert [first, last] == expected
    assert middle[0] in ("fresh", "rotten")


def test_a_text_that_loses_its_middle_is_told(command, one_run):
    lines = b"\n".join([GOOD, b"film " * 300, BAD])
    outcome = command("predict", f"--workdir={one_run}", stdin=lines)
    assert len(answers(outcome)) == 3
    assert outcome.err == (
        f"The line {('film ' * 8)!r} has 300 tokens, and this run reads at most 256: its middle "
        "was left out.\n"
    )


@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n"])
def test_the_end_of_the_last_line(predict, end):
    assert len(predict(GOOD + b"\n" + BAD + end)) == 2


def test_no_lines_no_answers(predict):
    assert predict(b"") == []


def test_more_lines_than_are_read_at_once(predict):
    lines = [GOOD if place % 3 else BAD for place in range(1100)]
    labels = [label for label, _ in predict(b"\n".join(lines))]
    assert labels == ["fresh" if place % 3 else "rotten" for place in range(1100)]
