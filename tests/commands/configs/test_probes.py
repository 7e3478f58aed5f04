"""The probes train, are evaluated inside and beyond the training length, and predict."""

import pytest

TINY = {
    "data.train_rows": 24,
    "data.valid_rows": 8,
    "data.test_rows": 8,
    "data.buckets": 1,
    "train.batch_size": 8,
    "model.width": 8,
    "model.feed_forward_size": 8,
    "model.pattern": "('rnn',)",
}
PROBES = {
    "copy": ({"delay": 3, "memorized": 2}, "a1 a2 blank blank delimiter blank blank"),
    "selective_copy": ({"length": 6, "memorized": 2}, "noise a3 a1 noise noise marker marker"),
    "adding": ({"length": 6}, "0.5,1 0.25,0 0.125,1"),
    "mqar": ({"length": 8, "pairs": 2, "vocabulary_size": 16}, "1 9 2 10 1 0 2 0"),
    "induction": ({"length": 8}, "3 special 5 2 0 special"),
    "parity": ({"min_length": 1, "max_length": 8}, "1 0 1"),
    "permutations": ({"min_length": 1, "max_length": 8}, "10234 10234"),
    "bracket_arithmetic": ({"min_length": 1, "max_length": 8}, "( 1 + - 2 )"),
    "listops": ({"min_length": 4, "max_length": 12}, "[MAX 2 9 [MIN 4 7 ] 0 ]"),
}

# Where there is one answer to a whole row: a number, or a label with its probability.
SAID = {"adding": 1, "bracket_arithmetic": 2, "listops": 2}


@pytest.mark.parametrize("name", PROBES)
def test_two_steps(command, two_steps, name):
    probe, typed = PROBES[name]
    longer = {key: 2 * size if "length" in key else size for key, size in probe.items()}
    settings = TINY | {f"data.probe.{key}": size for key, size in probe.items()}
    settings |= {f"data.beyond.{key}": size for key, size in longer.items()}
    summary, workdir = two_steps(f"{name}.py:rnn", settings)
    assert 0 < summary["valid"]["loss"] < 10 and 0 < summary["test"]["loss"] < 10
    said = command("predict", workdir, stdin=f"{typed}\n".encode()).out.split()
    assert len(said) == SAID.get(name, len(typed.split()))
    command("predict", workdir, stdin=b"x y\n").assert_refused("'x y' must be")
    longer = f"{typed.split()[0]} " * 99
    command("predict", workdir, stdin=longer.encode()).assert_refused("99 steps", "at most")


def test_probes_that_differ_in_more_than_their_length(command, two_steps):
    command(
        "train", "--config=configs/permutations.py", "--config.data.beyond.group=A5"
    ).assert_refused("data.probe=", "data.beyond=", "their lengths alone")


def test_smoothed_labels_where_there_are_none_are_refused_before_anything_is_written(
    command, tmp_path
):
    workdir = tmp_path / "run"
    command(
        "train",
        "--config=configs/adding.py:rnn",
        "--config.train.label_smoothing=0.1",
        f"--workdir={workdir}",
    ).assert_refused("train.label_smoothing=0.1", "task='adding'")
    assert not workdir.exists()
