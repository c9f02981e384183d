"""A watch as one HTML page: the findings in words, and a small chart per measure over the days.

No script and no request to any other place; light or dark as the reader's system is. Everything from the data is
escaped by jinja2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from docsort.templates import load_template

WIDTH, HEIGHT, MARGIN = 350, 120, 12
"""Of a chart, in its own units."""

UNITS = {
    "brightness": "mean grey, 0 to 255",
    "contrast": "deviation of greys",
    "saturation": "0 to 255",
    "sharpness": "log variance of the Laplacian",
    "noise": "grey levels",
    "tilt": "degrees from the nearest side",
    "turn": "degrees of the lines from level",
    "shape": "log of width over height",
    "size": "log of millions of pixels",
    "novelty": "share of pages less novel",
    "confidence": "calibrated probability",
}


@dataclass(frozen=True)
class Bar:
    """One period in a chart: x, and y of its quantiles .05, .5 and .95; title: in words; changed: whether told of."""

    x: float
    low: float
    middle: float
    high: float
    title: str
    changed: bool


@dataclass(frozen=True)
class Chart:
    """top, middle, bottom: y of quantiles .95, .5 and .05 of the pages validated on; limits: y of the ends of what was
    learnt, as far as they are in the picture; scale: the values at its top and bottom."""

    name: str
    unit: str
    top: float
    middle: float
    bottom: float
    limits: tuple[float, ...]
    bars: tuple[Bar, ...]
    scale: tuple[float, float]


def write_report(record: Mapping[str, Any], lines: Sequence[str]) -> str:
    """The page. record: of `watch.record_of`; lines: of `watch.in_words`."""
    names = [name for name in UNITS if record["reference"][name] is not None]
    drawn = [chart for name in names if (chart := draw_chart(record, name)) is not None]
    order = [finding["measure"] for finding in record["findings"] if finding["kind"] != "class"]
    charts = sorted(drawn, key=lambda chart: order.index(chart.name) if chart.name in order else len(order))
    template = load_template("watching", "watch.html.jinja")
    return template.render(
        lines=lines, charts=charts, periods=record["periods"], width=WIDTH, height=HEIGHT, version=version("docsort")
    )


def draw_chart(record: Mapping[str, Any], name: str) -> Chart | None:
    """Of one measure over all periods; None where it is known of no page."""
    known = [(number, each) for number, each in enumerate(record["periods"]) if each["quantiles"][name] is not None]
    if not known:
        return None
    usual, limits = record["reference"][name], [end for end in record["limits"][name] if end is not None]
    shown = [*usual, *(value for _, each in known for value in each["quantiles"][name])]
    low, high = min(shown), max(shown)
    spread = max(high - low, 1e-9)
    step = (WIDTH - 2 * MARGIN) / max(len(record["periods"]), 1)

    def at(value: float) -> float:
        return float(round(HEIGHT - MARGIN - (value - low) / spread * (HEIGHT - 2 * MARGIN), 1))

    changed = {
        number
        for finding in record["findings"]
        for number in range(finding["first"], finding["last"] + 1)
        if finding["measure"] == name and finding["kind"] != "class"
    }
    bars = []
    for number, each in known:
        ends = [at(value) for value in each["quantiles"][name]]
        x = round(MARGIN + (number + 0.5) * step, 1)
        bars.append(Bar(x, ends[0], ends[1], ends[2], _title(each, name), number in changed))
    within = tuple(at(end) for end in limits if low <= end <= high)
    bottom, middle, top = (at(value) for value in usual)
    return Chart(name, UNITS[name], top, middle, bottom, within, tuple(bars), (high, low))


def _title(period: Mapping[str, Any], name: str) -> str:
    days = period["first"] if period["first"] == period["last"] else f"{period['first']} to {period['last']}"
    low, middle, high = period["quantiles"][name]
    return f"{days}, {period['pages']} pages: {middle:.3g} in the middle, nine in ten from {low:.3g} to {high:.3g}"
