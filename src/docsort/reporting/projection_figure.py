"""Figure of the projected embeddings, coloured by class, error or fold."""

from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from docsort.reporting.figures import BAD, FOLD_COLOURS, GREY, dress, escape, say, short_label
from docsort.reporting.projection import PROJECTION
from docsort.tables import check_columns

CLASS_COLOURS = (
    "#2563a8", "#d9822b", "#2f8f5b", "#b4436c", "#7a5ea8", "#8a6d3b", "#3aa5b5", "#e0b400", "#5b6b7b",
    "#c44536", "#7fb800", "#ff7fa7", "#1b3a57", "#a3c4f3", "#6b2d5c", "#00a676", "#f4a582",
)  # fmt: skip
"""Seventeen that can be told apart; more classes begin again, and the number stands at the middle of each."""

HOVER = ("image_id", "fold", "label", "predicted", "confidence")
LEGEND = 320
"""Pixels beside the plane, so that it does not jump when the legend changes."""


def draw_projection(projection: pd.DataFrame, classes: pd.DataFrame) -> go.Figure:
    """One point per page; three buttons choose what its colour means. A point's text says what it is."""
    check_columns(projection, PROJECTION, "page_projection")
    figure = go.Figure()
    if projection.empty:
        say(figure, "no pages were embedded")
        return dress(figure, "Pages as the models see them", 240)
    colourings = _colourings(projection, classes)
    for trace in (trace for traces in colourings.values() for trace in traces):
        figure.add_trace(trace)
    order = [name for name, traces in colourings.items() for _ in traces]
    visible = {name: [own == name for own in order] for name in colourings}
    buttons = [{"label": name, "method": "update", "args": [{"visible": own}]} for name, own in visible.items()]
    for trace, shown in zip(figure.data, next(iter(visible.values())), strict=True):
        trace.visible = shown
    figure.update_xaxes(visible=False, constrain="domain").update_yaxes(
        visible=False, scaleanchor="x", constrain="domain"
    )
    menu = {"type": "buttons", "direction": "right", "buttons": buttons, "x": 0, "xanchor": "left", "y": 1.0}
    dress(figure, "Pages as the models see them: held out, test-like", 680)
    return figure.update_layout(
        updatemenus=[menu | {"yanchor": "bottom", "pad": {"b": 6}}], margin_t=100, margin_r=LEGEND
    )


def _colourings(projection: pd.DataFrame, classes: pd.DataFrame) -> dict[str, list[go.Scatter]]:
    """The same points by class, by error and by fold."""
    targets = [int(target) for target in classes["target"]]
    names = {target: f"{target} {name}" for target, name in zip(targets, classes["class_name"], strict=True)}
    right = projection["predicted"] == projection["label"]
    by_class = [
        _points(projection[projection["label"] == target], short_label(names[target]), colour, names)
        for target, colour in zip(targets, cycle(CLASS_COLOURS), strict=False)
        if (projection["label"] == target).any()
    ]
    by_error = [
        _points(projection[right], "right", "#c3ccd5", names),
        _points(projection[~right], "wrong", BAD, names),
    ]
    folds = sorted(set(projection["fold"].astype(int)))
    by_fold = [
        _points(projection[projection["fold"] == fold], f"fold {fold}", colour, names)
        for fold, colour in zip(folds, cycle(FOLD_COLOURS), strict=False)
    ]
    return {"by class": [*by_class, _numbers(projection)], "by error": by_error, "by fold": by_fold}


def _points(pages: pd.DataFrame, name: str, colour: str, names: dict[int, str]) -> go.Scatter:
    text = [
        f"{escape(str(image_id))}, fold {fold}<br>true: {escape(names[true])}<br>"
        f"answer: {escape(names[answer])} ({confidence:.2f})"
        for image_id, fold, true, answer, confidence in pages[list(HOVER)].itertuples(index=False, name=None)
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
