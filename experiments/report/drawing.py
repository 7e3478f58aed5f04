"""How figures look: colours that everyone can tell apart, on light and on dark, as inline SVG."""

import io
import re
from contextlib import AbstractContextManager

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Of Okabe and Ito (2008) and beside them: a colour for light pages, and one for dark ones.
SERIES = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c3b"),
    ("#007a5a", "#2fd0a2"),
    ("#a8447f", "#e79ac6"),
    ("#8a6a00", "#f0c63c"),
    ("#5c5c5c", "#b9b9b9"),
    ("#3b3b98", "#9d9dff"),
    ("#8b1a1a", "#ff7b7b"),
    ("#4f6d12", "#b9d66a"),
    ("#00728a", "#4fd3ea"),
)
MARKERS = "osD^vPX*hp"
MIXERS = (
    *("rnn", "lstm", "gru", "rglru", "gated_deltanet", "attention", "ssd", "hybrid", "bag"),
    "mingru",
)
INK, GRID = "#1c1c1c", "#d4d4d4"
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
}
SIZE = (4.2, 3.4)  # inches: what a phone shows without shrinking letters much


def colour(number: int) -> str:
    """A colour, as figures are drawn."""
    return SERIES[number][0]


def line_of(name: str) -> dict[str, object]:
    """How a mixer is drawn, in every figure alike; markers are for those who see no colours."""
    number = MIXERS.index(name.split(",")[0].replace("transformer", "attention"))
    style = "--" if "," in name else "-"
    return {
        "color": colour(number),
        "marker": MARKERS[number],
        "markersize": 4,
        "linestyle": style,
        "label": name,
    }


def styled() -> AbstractContextManager[None]:
    """In which figures are made."""
    return rc_context(STYLE)


def new_figure(width: float = SIZE[0], height: float = SIZE[1]) -> tuple[Figure, Axes]:
    """An empty figure of one panel."""
    with styled():
        figure = Figure(figsize=(width, height))
        return figure, figure.subplots()


def legend_below(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """A legend under the panel, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, labelcolor=INK
    )


def as_svg(figure: Figure, name: str, background: str = "none") -> str:
    """The figure as an SVG file; the same figure gives the same text."""
    with rc_context(STYLE | {"svg.hashsalt": name}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", facecolor=background, metadata={"Date": None})
    return buffer.getvalue()


def inline(svg: str, name: str) -> str:
    """An SVG to put into a page: scales with it, takes its colours, shares no id with others."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true"', svg, count=1)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for number, (light, _) in enumerate(SERIES):
        svg = svg.replace(light, f"var(--series-{number})")
    return svg.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")


def colours(dark: bool) -> str:
    """CSS: the colours of the series."""
    return " ".join(f"--series-{n}: {pair[dark]};" for n, pair in enumerate(SERIES))
