import sys
from contextlib import closing
from pathlib import Path

import pytest

from seqjax.benchmarking.conversation import Contender, ContenderError

ROOT = Path(__file__).parents[2]
PROGRAM = """
from seqjax.benchmarking.conversation import answer_requests

def prepare(settings):
    print("a framework's greeting")
    taken = []
    def step():
        if len(taken) == settings["most"]:
            raise ValueError("tired")
        taken.append(1)
    return {"twice": 2 * settings["number"]}, step

answer_requests(prepare)
"""


def contender(program):
    return closing(Contender("somebody", [sys.executable, "-c", program], ROOT))


def test_a_contender_answers_and_rests():
    with contender(PROGRAM) as asked:
        assert asked.ask(prepare={"number": 4, "most": 9}) == {"twice": 8}
        for steps in (1, 3):
            seconds = asked.ask(steps=steps)["seconds"]
            assert len(seconds) == steps and min(seconds) >= 0


def test_what_ended_a_contender_is_said():
    with contender(PROGRAM) as asked:
        asked.ask(prepare={"number": 4, "most": 1})
        with pytest.raises(ContenderError, match="somebody ended with status 1: ValueError: tired"):
            asked.ask(steps=2)
    with (
        contender("import no_such_framework") as asked,
        pytest.raises(ContenderError, match="No module named 'no_such_framework'"),
    ):
        asked.ask(prepare={})
