"""The page of all experiments: whole, self-contained, and made of escaped text."""

import re
from html.parser import HTMLParser

import pytest

from experiments.applications.catalogue import APPLICATIONS
from experiments.applications.run import rows_by_word
from experiments.article_claims.evidence import Evidence
from experiments.article_claims.ledger import CLAIMS
from experiments.crossover.atlas import Atlas, Shape
from experiments.long_range.run import accuracy
from experiments.report import __main__ as command
from experiments.report import page as pages
from experiments.report.figures import PICTURES, drawn
from experiments.sentiment.run import accuracies, linear_accuracy
from seqjax.errors import UserError

HOSTILE = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """What is in a page."""

    def __init__(self, text):
        super().__init__()
        self.verdicts, self.ids, self.links, self.open, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.verdicts += [found["data-verdict"]] if "data-verdict" in found else []
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "src", "xlink:href") if name in found]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def drawings():
    """Returns the figures of the committed rows."""
    return drawn(Evidence())


@pytest.fixture(scope="module")
def text(drawings):
    """Returns the page of the committed rows, with one hostile claim."""
    hostile = CLAIMS[0]._replace(statement=HOSTILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "CLAIMS", (hostile, *CLAIMS[1:]))
        patch.setattr(pages, "drawn", lambda evidence: drawings)
        return pages.page(Evidence())


@pytest.fixture(scope="module")
def reader(text):
    """Returns what is in it."""
    return Reader(text)


def test_every_claim_has_its_verdict(reader):
    assert reader.verdicts == [claim.verdict for claim in CLAIMS]


def test_every_figure_is_there(reader, drawings):
    assert reader.tags.count("svg") == reader.tags.count("figcaption") == len(drawings)
    assert set(drawings) == set(PICTURES)


def test_what_the_summary_and_the_advice_say_in_words_follows_from_the_rows():
    evidence = Evidence()

    def share(probe, mixer, split):
        return accuracy(probe, mixer, split, evidence.results("long_range"))[0]

    assert share("parity", "gru", "test") > 0.95 and share("parity", "transformer", "test") < 0.6
    assert share("induction", "rnn", "valid") < 0.2  # of eight tokens
    assert share("induction", "transformer", "valid") > 0.95
    assert share("induction", "transformer", "test") < share("induction", "lstm", "test") - 0.2
    sentiment = accuracies(evidence.results("sentiment"))
    assert all(sentiment[word][0] < 100 * linear_accuracy() for word in ("rnn", "transformer"))
    translated = {
        word: row["test_bleu"]
        for word, row in rows_by_word(
            APPLICATIONS["translation"], evidence.rows("applications")
        ).items()
    }
    for word in ("lstm", "mingru"):
        assert translated[word]["bleu"] >= translated["transformer"]["bleu"]
        kept, attended = (
            translated[each]["state_bytes_per_pair"] for each in (word, "transformer")
        )
        assert kept < attended / 2
    atlas = Atlas(evidence.results("crossover"), "cpu")
    for work, others in (("train", ("rnn",)), ("decode", ("lstm", "mingru"))):
        attention = atlas.series("attention", Shape(work))
        for word in others:
            faster = atlas.series(word, Shape(work))
            longest = max(attention.keys() & faster.keys())
            assert faster[longest]["milliseconds"] < attention[longest]["milliseconds"]
    kernels = evidence.measured("depth")["figures"]
    for work in ("mingru, as a tree: train", "attention: train"):
        assert 10 * kernels[work]["kernels"][-1] < kernels["lstm: train"]["kernels"][-1]


def test_the_page_needs_nothing_beside_itself(text, reader):
    assert all(link.startswith("#") for link in reader.links)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert not re.search(r"@import|url\((?!#)|<script|<link|<img", text)


def test_ids_are_used_once(reader):
    assert len(reader.ids) == len(set(reader.ids))


def test_every_tag_is_closed(reader):
    assert reader.open == []


def test_text_is_escaped(text):
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_figures_take_the_colours_of_the_page(text):
    assert not re.search(r"(fill|stroke): #", text)


def test_the_figure_of_the_readme_is_drawn_from_the_rows():
    drawn = "run python -m experiments.report --figure"
    assert command.FIGURE.read_text(encoding="utf-8") == command.readme_figure(), drawn


def test_a_folder_is_no_file(tmp_path):
    values = type("Flags", (), {"output": str(tmp_path), "figure": False})()
    with pytest.raises(UserError, match="is a folder"):
        command.main(values)
