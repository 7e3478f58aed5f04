"""The command `seqjax.benchmark`: what it prints, and what it refuses."""

import json

import pytest

CELLS = ("--mixers=mingru,rnn", "--works=forward", "--lengths=4", "--batches=2", "--widths=8")


def test_json_lines_a_file_and_a_table(command, tmp_path):
    rows = tmp_path / "rows.jsonl"
    flags = (*CELLS, "--rounds=3", f"--output={rows}")
    outcome = command("benchmark", *flags, "--json")
    assert outcome.status == 0, outcome.err
    printed = [json.loads(line) for line in outcome.out.splitlines()]
    assert [row["mixer"] for row in printed] == ["mingru", "rnn"]
    assert [json.loads(line) for line in rows.read_text().splitlines()] == printed
    shown = command("benchmark", *flags)
    assert "forward, length 4, batch 2, width 8" in shown.out and "mingru" in shown.out
    assert len(rows.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--mixers=lstn",), "--mixers has no 'lstn': did you mean 'lstm'?"),
        (("--lengths=a",), "--lengths=a must be whole numbers from 1"),
        (("--widths=0",), "--widths=0 must be whole numbers from 1"),
        (("--peers",), "--peers is for --article"),
        (("--full", "--article"), "--full and --article are 2 measurements"),
        (("--depth", "--lengths=9"), "--lengths picks nothing from --depth"),
        (("--article", "--mixers=ssd"), "--mixers has no 'ssd'"),
        (("--article", "--widths=64"), "--widths picks nothing from --article"),
        (("--rounds=1",), "--rounds=1"),
        (("--output=gone/rows.jsonl",), "there is no folder gone"),
    ],
)
def test_refusals(command, typed, said):
    command("benchmark", *typed).assert_refused("benchmark: ", said)
