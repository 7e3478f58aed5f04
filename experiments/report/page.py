"""The page: the ledger, and every experiment's README with its figures, as one HTML file."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup
from matplotlib.figure import Figure

from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, NOT_SHOWN, Evidence
from experiments.article_claims.ledger import CLAIMS
from experiments.readmes import MARKER, with_tables
from experiments.report import advice, summary
from experiments.report.drawing import as_svg, colours, inline
from experiments.report.figures import Picture, drawn
from experiments.sweep import ROOT

ORDER = (
    "crossover",
    "depth",
    "peers",
    "loop_cost",
    "method_choice",
    "attention_memory",
    "recurrence_memory",
    "plans",
    "tpu_compile",
    "gradients",
    "certificates",
    "long_range",
    "scaling",
    "sentiment",
    "applications",
    "babi",
    "ablations",
    "state_tracking",
    "article_claims",
)
SIGNS = {HOLDS: "✓", FAILS: "✗", DEPENDS: "~", NOT_SHOWN: "?"}
FIRST = ("train", "parity")  # the figures that say most
MOST_ROWS = 20  # of a table that is open from the start


class Drawing(NamedTuple):
    """A figure in the page."""

    svg: Markup
    caption: str


class Section(NamedTuple):
    """An experiment in the page."""

    name: str
    title: str
    body: Markup
    figures: list[Drawing]


def page(evidence: Evidence) -> str:
    """The whole page, which needs nothing beside itself."""
    drawings = {
        picture: Drawing(_inlined(picture, figure), picture.caption)
        for picture, figure in drawn(evidence).items()
    }
    ledger = [(claim, claim.judge(evidence)) for claim in CLAIMS]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    return environment.get_template("template.html").render(
        light=colours(dark=False),
        dark=colours(dark=True),
        summary=_html("\n".join(summary.table(evidence.results("report")))),
        advice=_html("\n".join(advice.table(evidence.results("report")))),
        first=[drawing for picture, drawing in drawings.items() if picture.name in FIRST],
        ledger=ledger,
        counts=Counter(finding.verdict for _, finding in ledger),
        signs=SIGNS,
        sections=[_section(name, drawings) for name in ORDER],
    )


def _inlined(picture: Picture, figure: Figure) -> Markup:
    name = f"{picture.experiment}-{picture.name}"
    return Markup(inline(as_svg(figure, name), name))


def _section(name: str, drawings: dict[Picture, Drawing]) -> Section:
    """An experiment's README; its own heading is the section's."""
    text = (ROOT / "experiments" / name / "README.md").read_text(encoding="utf-8")
    heading, _, body = text.partition("\n")
    if name == "article_claims":
        body = re.sub(r"<!-- table .*<!-- end -->", "", body, flags=re.DOTALL)  # stands above
    body = re.sub(r"\(\.\./(\w+)/README\.md\)", r"(#\1)", body)  # a section of this page
    figures = [
        drawing
        for picture, drawing in drawings.items()
        if picture.experiment == name and picture.name not in FIRST
    ]
    title = heading.lstrip("# ").replace("`", "")
    return Section(name, title, _html(MARKER.sub("", with_tables(body))), figures)


def _html(text: str) -> Markup:
    """Markdown as HTML, whatever HTML stands in it escaped, and tables in frames."""
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return Markup(re.sub("<table>.*?</table>", _framed, html, flags=re.DOTALL))


def _framed(table: re.Match) -> str:
    """A table that scrolls where it is wide, and has to be opened where it is long."""
    frame = f'<div class="scroll" tabindex="0">{table[0]}</div>'
    rows = table[0].count("<tr>") - 1
    if rows <= MOST_ROWS:
        return frame
    return f"<details><summary>the table, {rows} rows</summary>{frame}</details>"
