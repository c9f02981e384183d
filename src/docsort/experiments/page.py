"""The leaderboard as one HTML page: what can be said, a picture of forecasts and true scores, and the table.

No script and no request to any other place; light or dark as the reader's system is. Everything is escaped by jinja2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from docsort.experiments.comparison import Comparison
from docsort.experiments.records import forecast_text, text_of
from docsort.templates import load_template

WIDTH, NAMES, ROW, TOP = 900, 250, 26, 26
"""Of the picture, in its own units: all of it, its names, a row, the axis above."""

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
MOST_TICKS = 8
LONGEST = 34
"""Characters of a name in the picture."""

HEADS = {
    "experiment": "experiment",
    "forecast": "forecast",
    "interval": "95 % interval",
    "true": "true test",
    "difference": "difference",
    "test_like": "test-like",
    "clean": "clean",
    "train": "train loss",
    "seconds": "seconds",
    "passes": "passes a page",
    "backbone": "backbone",
    "size": "px",
    "renders": "renders",
    "loss": "loss",
}
TEXTS = ("experiment", "backbone", "loss", "interval")


@dataclass(frozen=True)
class Mark:
    """One experiment in the picture: x of its figures, y of its middle. kind: best, as_good or worse."""

    name: str
    title: str
    y: float
    low: float
    forecast: float
    high: float
    test_like: float
    true: float | None
    kind: str


@dataclass(frozen=True)
class Picture:
    """marks from above; ticks: x and text."""

    data: str
    marks: list[Mark]
    ticks: list[tuple[float, str]]
    height: float
    rows: list[dict[str, str]]


def write_page(
    table: pd.DataFrame, comparisons: Mapping[str, Comparison], best: Mapping[str, str], lines: Sequence[str]
) -> str:
    """The page. table: of the leaderboard; comparisons, best: by data set; lines: what can be said."""
    pictures = [
        _picture(str(data), own, comparisons[str(data)], best[str(data)])
        for data, own in table.groupby("data", sort=False)
    ]
    has_true = bool(table["true"].notna().any())
    return load_template("experiments", "leaderboard.html.jinja").render(
        lines=lines,
        pictures=pictures,
        heads={key: text for key, text in HEADS.items() if has_true or key not in ("true", "difference")},
        texts=TEXTS,
        has_true=has_true,
        width=WIDTH,
        names=NAMES,
        top=TOP,
        version=version("docsort"),
    )


def _picture(data: str, table: pd.DataFrame, found: Comparison, best: str) -> Picture:
    figures = table[["low", "high", "test_like", "true"]].to_numpy(float)
    low, high = _floor(float(pd.Series(figures.ravel()).min())), _ceil(float(pd.Series(figures.ravel()).max()))
    step = next((step for step in STEPS if (high - low) / step <= MOST_TICKS), STEPS[-1])
    scale = (WIDTH - NAMES - 30) / (high - low)

    def at(value: float) -> float:
        return round(NAMES + 10 + (value - low) * scale, 1)

    marks = []
    for number, row in enumerate(table.to_dict("records")):
        name = str(row["experiment"])
        kind = "best" if name == best else "worse" if name in found.worse else "as_good"
        places = (at(row["low"]), at(row["forecast"]), at(row["high"]), at(row["test_like"]))
        true = None if pd.isna(row["true"]) else at(row["true"])
        marks.append(Mark(_cut(name), _title(row), TOP + ROW * (number + 0.5), *places, true, kind))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [(at(step * k), f"{step * k:.2f}") for k in range(first, last + 1)]
    return Picture(data, marks, ticks, TOP + ROW * len(table) + 6, [_row(row) for row in table.to_dict("records")])


def _row(row: Mapping[Any, Any]) -> dict[str, str]:
    texts = {str(name): text_of(str(name), value) for name, value in row.items()}
    return {**texts, "interval": f"{row['low']:.3f} to {row['high']:.3f}"}


def _title(row: Mapping[Any, Any]) -> str:
    true = "" if pd.isna(row["true"]) else f", true {row['true']:.3f}"
    return f"{row['experiment']}: forecast {forecast_text(row)}{true}"


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _floor(value: float) -> float:
    return max(0.0, math.floor(value * 50 - 1e-9) / 50)


def _ceil(value: float) -> float:
    return min(1.0, math.ceil(value * 50 + 1e-9) / 50)
