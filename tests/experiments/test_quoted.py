"""The figures between the tables are what the committed rows say, too."""

import re
from types import SimpleNamespace

import pytest

from experiments import quoted, readmes
from experiments.sweep import ROOT
from seqjax.errors import UserError

# By README, what its prose has that no row gives: settings, aims, and what it says was found by
# hand and left no rows.
NOT_OF_ROWS = {
    "long_range": (
        "100,000 1,000 64 0.001 0.003 0.01 32 6 7 12 4,000 1 120 20 100 200 "
        "5,000 1,500 8 30,000 300,000"
    ),
    "scaling": "16 256 0.1 128 800 4,096 30,000 0.001 0.003 0.01 95% 300,000 10,000",
    "certificates": "1e-5 1,000 2.7e-5 0.0006 100 60",
    "depth": "10,000 1 8 64 2 0.09 1.6",
    "peers": "10,000 64 128 32 4 1,024 0.75 256 1.0 1.5",
    "applications": "100,000 784 89% 90% 85.4% 30% 256 128 3,000 10,000 1,500 25 0.2 64",
    "babi": "100,000 1,500 3,000 32 0.001 0.003 0.01 95% 1.2 3.0",
    "state_tracking": "32 40 400 4,000 64 1 91 100% 1,000",
    "method_choice": "1.25",
    "loop_cost": "",
    "plans": "",
    "tpu_compile": "8 4,096 1,024 128 512 256 64",
    "attention_memory": "4 16 8 64",
    "recurrence_memory": "128 4,096 8",
}
TABLES_AND_CODE = re.compile(r"^```.*?^```|^\|.*?$", re.DOTALL | re.MULTILINE)
NO_FIGURES = re.compile(r"`[^`]*`|\]\([^)]*\)|\b(?:19|20)\d\d\b")  # code, links, years
FIGURE = re.compile(r"(?<![\w.])(?<!\w-)\d+(?:[.,]\d+)*(?:e-?\d+)?%?")  # but not A5 or SST-2


def test_the_prose_has_the_figures_of_the_rows():
    quoted.check()


def test_a_figure_that_the_rows_do_not_give_is_refused(monkeypatch):
    readme = "experiments/depth/README.md"
    monkeypatch.setattr(readmes, "readmes", list)  # no tables
    monkeypatch.setattr(quoted, "QUOTES", {readme: lambda: ["are 7 times fewer"]})
    for check in (True, False):
        with pytest.raises(UserError, match=f'{readme} must say "are 7 times fewer"'):
            readmes.main(SimpleNamespace(check=check))


@pytest.mark.parametrize("experiment", NOT_OF_ROWS)
def test_no_other_figure_stands_in_the_prose(experiment):
    readme = f"experiments/{experiment}/README.md"
    text = readmes.GENERATED.sub("", (ROOT / readme).read_text(encoding="utf-8"))
    prose = quoted.in_one_line(TABLES_AND_CODE.sub("", text))
    for quote in quoted.QUOTES.get(readme, list)():
        prose = prose.replace(quote, " ")
    found = FIGURE.findall(NO_FIGURES.sub("", prose))
    assert sorted(set(found) - set(NOT_OF_ROWS[experiment].split())) == []
