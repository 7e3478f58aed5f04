"""The figures between the tables are what the committed rows say, too."""

import re
from types import SimpleNamespace

import pytest

from experiments import quoted, readmes
from experiments.depth import quotes
from experiments.sweep import ROOT
from seqjax.errors import UserError

# By README, what its prose has that no row gives: settings, aims, and what it says was found by
# hand and left no rows.
NOT_OF_ROWS = {
    "README.md": (
        "1 1,000 1,024 1,500 10 10,000 10,385 100 1e-3 2,048 2.0 256 3 3.11 32 4,000 64 95%"
    ),
    "experiments/long_range/README.md": (
        "100,000 1,000 64 0.001 0.003 0.01 32 6 7 12 "
        "4,000 1 120 20 100 200 5,000 1,500 8 30,000 300,000"
    ),
    "experiments/scaling/README.md": (
        "16 256 0.1 128 800 4,096 30,000 0.001 0.003 0.01 95% 300,000 10,000"
    ),
    "experiments/certificates/README.md": "1e-5 1,000 2.7e-5 0.0006 100 60",
    "experiments/depth/README.md": "10,000 1 8 64 2 0.09 1.6",
    "experiments/peers/README.md": "10,000 64 128 32 4 1,024 0.75 256 1.0 1.5",
    "experiments/applications/README.md": (
        "100,000 784 95% 89% 90% 85.4% 30% 256 128 3,000 10,000 1,500 25 0.2 64 0.003 0.01 99% "
        "20,000 32 22,500"
    ),
    "experiments/babi/README.md": (
        "100,000 1,500 3,000 10,000 30,000 32 0.001 0.003 0.01 95% 1.2 3.0"
    ),
    "experiments/state_tracking/README.md": "32 40 400 4,000 64 1 91 100% 1,000",
    "experiments/method_choice/README.md": "1.25",
    "experiments/loop_cost/README.md": "",
    "experiments/plans/README.md": "",
    "experiments/tpu_compile/README.md": "8 4,096 1,024 128 512 256 64",
    "experiments/attention_memory/README.md": "4 16 8 64",
    "experiments/recurrence_memory/README.md": "128 4,096 8",
    "experiments/gradients/README.md": "0.5 12.5% 32 600 64 8 16",
    "experiments/sentiment/README.md": (
        "0.001 0.003 0.01 0.5 10 10,000 100,000 128 1e-3 25,000 30,000 32 384 4 512 64 95%"
    ),
    "experiments/ablations/README.md": "11,925 25 27 95%",
    "experiments/crossover/README.md": "1 256 32 64 8",
    "experiments/article_claims/README.md": "",
    "experiments/gpu/README.md": "10,000 16 2 20 256 32 4,096 512 60% 64 7 8",
}
TABLES_AND_CODE = re.compile(r"^```.*?^```|^\|.*?$", re.DOTALL | re.MULTILINE)
NO_FIGURES = re.compile(r"`[^`]*`|\]\([^)]*\)|\b(?:19|20)\d\d\b")  # code, links, years
FIGURE = re.compile(r"(?<![\w.])(?<!\w-)\d+(?:[.,]\d+)*(?:e-?\d+)?%?")  # but not A5 or SST-2


def test_the_prose_has_the_figures_of_the_rows():
    quoted.check(readmes.readmes())


def test_a_figure_that_the_rows_do_not_give_is_refused(monkeypatch):
    readme = "experiments/depth/README.md"
    monkeypatch.setattr(readmes, "readmes", lambda: [ROOT / readme])
    monkeypatch.setattr(quotes, "quotes", lambda: ["are 7 times fewer"])
    for check in (True, False):
        with pytest.raises(UserError, match=f'{readme} must say "are 7 times fewer"'):
            readmes.main(SimpleNamespace(check=check))


def test_every_readme_is_looked_at():
    assert sorted(NOT_OF_ROWS) == sorted(
        path.relative_to(ROOT).as_posix() for path in readmes.readmes()
    )


@pytest.mark.parametrize("readme", NOT_OF_ROWS)
def test_no_other_figure_stands_in_the_prose(readme):
    text = readmes.GENERATED.sub("", (ROOT / readme).read_text(encoding="utf-8"))
    prose = quoted.in_one_line(TABLES_AND_CODE.sub("", text))
    for quote in quoted.quotes_of(ROOT / readme):
        prose = prose.replace(quote, " ")
    found = FIGURE.findall(NO_FIGURES.sub("", prose))
    assert sorted(set(found) - set(NOT_OF_ROWS[readme].split())) == []
