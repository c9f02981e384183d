"""The plane of pages as a plotly figure, coloured by class, by error or by fold."""

from collections.abc import Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go

from docsort.reporting.figures import BAD, FOLD_COLOURS, GREY, _dress, _label, _say
from docsort.reporting.projection import PROJECTION
from docsort.tables import check_columns

CLASS_COLOURS = (
    "#2563a8", "#d9822b", "#2f8f5b", "#b4436c", "#7a5ea8", "#8a6d3b", "#3aa5b5", "#e0b400", "#5b6b7b",
    "#c44536", "#7fb800", "#ff7fa7", "#1b3a57", "#a3c4f3", "#6b2d5c", "#00a676", "#f4a582",
)  # fmt: skip
"""Seventeen that can be told apart; more classes begin again, and the number stands at the middle of each."""

LEGEND = 320
"""Pixels beside the plane, so that it does not jump when the legend changes."""


def draw_projection(projection: pd.DataFrame, classes: pd.DataFrame) -> go.Figure:
    """A point a page; three buttons choose what its colour means. A point's text says what it is."""
    check_columns(projection, PROJECTION, "page_projection")
    figure = go.Figure()
    if projection.empty:
        _say(figure, "no pages were embedded")
        return _dress(figure, "Pages as the models see them", 240)
    names = {int(row.target): f"{row.target} {row.class_name}" for row in classes.itertuples()}
    right = projection["predicted"] == projection["label"]
    colourings: dict[str, list[go.Scatter]] = {
        "by class": [
            *(
                _points(own, _label(names[int(target)]), CLASS_COLOURS[int(target) % len(CLASS_COLOURS)], names)
                for target, own in projection.groupby("label", sort=True)
            ),
            _numbers(projection),
        ],
        "by error": [
            _points(projection[right], "right", "#c3ccd5", names),
            _points(projection[~right], "wrong", BAD, names),
        ],
        "by fold": [
            _points(own, f"fold {fold}", FOLD_COLOURS[int(fold) % len(FOLD_COLOURS)], names)
            for fold, own in projection.groupby("fold", sort=True)
        ],
    }
    for trace in (trace for traces in colourings.values() for trace in traces):
        figure.add_trace(trace)
    buttons = _buttons({name: len(traces) for name, traces in colourings.items()})
    for trace, visible in zip(figure.data, buttons[0]["args"][0]["visible"], strict=True):
        trace.visible = visible
    figure.update_xaxes(visible=False, constrain="domain").update_yaxes(
        visible=False, scaleanchor="x", constrain="domain"
    )
    menu = {"type": "buttons", "direction": "right", "buttons": buttons, "x": 0, "xanchor": "left", "y": 1.0}
    _dress(figure, "Pages as the models see them: held out, test-like", 680)
    return figure.update_layout(
        updatemenus=[menu | {"yanchor": "bottom", "pad": {"b": 6}}], margin_t=100, margin_r=LEGEND
    )


def _points(pages: pd.DataFrame, name: str, colour: str, names: dict[int, str]) -> go.Scatter:
    text = [
        f"{escape(str(row.image_id))}, fold {row.fold}<br>true: {escape(names[int(row.label)])}<br>"
        f"answer: {escape(names[int(row.predicted)])} ({row.confidence:.2f})"
        for row in pages.itertuples()
    ]
    return go.Scatter(
        x=pages["x"].round(2).tolist(),
        y=pages["y"].round(2).tolist(),
        mode="markers",
        name=f"{name} ({len(pages)})",
        marker={"size": 6, "color": colour, "opacity": 0.8},
        text=text,
        hovertemplate="%{text}<extra></extra>",
    )


def _numbers(projection: pd.DataFrame) -> go.Scatter:
    """The number of each class in the middle of its pages."""
    middle = projection.groupby("label", sort=True)[["x", "y"]].median()
    return go.Scatter(
        x=middle["x"].round(2).tolist(),
        y=middle["y"].round(2).tolist(),
        mode="text",
        text=[f"<b>{target}</b>" for target in middle.index],
        textfont={"size": 15, "color": "#111820"},
        hoverinfo="skip",
        showlegend=False,
        marker={"color": GREY},
    )


def _buttons(counts: dict[str, int]) -> list[dict[str, object]]:
    """One a colouring: shows its own traces and hides the others'."""
    order: Sequence[str] = [name for name, count in counts.items() for _ in range(count)]
    return [
        {"label": name, "method": "update", "args": [{"visible": [own == name for own in order]}]} for name in counts
    ]
