"""Renders the committed results: `python -m experiments.report [--output FILE]`.

One HTML file that needs nothing beside itself. With `--figure` it also draws the figure that the
README shows, `experiments/report/finding.svg`.
"""

from pathlib import Path

from absl import flags
from absl.flags import FlagValues

from experiments.article_claims.evidence import Evidence
from experiments.report.drawing import as_svg
from experiments.report.figures import finding
from experiments.report.page import page
from experiments.sweep import ROOT
from seqjax.command_line import run_command
from seqjax.errors import UserError

FIGURE = Path(__file__).with_name("finding.svg")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_string(
        "output", str(ROOT / "runs" / "report.html"), "the file to write", flag_values=values
    )
    flags.DEFINE_bool("figure", False, "draw the README's figure anew", flag_values=values)


def main(values: FlagValues) -> None:
    """Writes the page, and says where."""
    path = Path(values.output)
    if path.is_dir():
        raise UserError(f"--output={path} is a folder: name a file, as in --output=report.html.")
    text = page(Evidence())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(path)
    if values.figure:
        FIGURE.write_text(readme_figure(), encoding="utf-8")
        print(FIGURE)


def readme_figure() -> str:
    """The README's figure as an SVG file."""
    return as_svg(finding(Evidence()), FIGURE.stem, background="white")


if __name__ == "__main__":
    run_command(define_flags, main)
