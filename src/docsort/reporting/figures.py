"""Plotly figures: confusion matrix, learning curves, class scores, specialists, drift.

Class names come from the user's data and plotly reads labels as a small HTML: every label goes through `short_label`.
"""

import html
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from docsort.cleaning.drift import AUC_ROW, DRIFT
from docsort.metrics import confusion_matrix
from docsort.reporting.parts import EMBEDDED
from docsort.tables import check_columns

FONT = f"system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', '{EMBEDDED}', sans-serif"
INK, GREY, FAINT = "#1f2933", "#7b8794", "#e4e7eb"
CONDITION_COLOURS = {"clean": "#9fb3c8", "test_like": "#2563a8", "test": "#d9822b"}
FOLD_COLOURS = ("#2563a8", "#d9822b", "#2f8f5b", "#b4436c", "#7a5ea8", "#8a6d3b", "#3aa5b5")
GOOD, BAD = "#2f8f5b", "#b83a3a"

SIGNED = "0=+.3f"
"""Of differences. plotly makes a format that it cannot read of a plain "+.3f"."""

LONGEST_LABEL = 34
"""Characters of a class name on an axis; the whole name is in the hover text."""


def draw_confusion_matrix(oof_votes: pd.DataFrame, classes: pd.DataFrame, condition: str = "test_like") -> go.Figure:
    """Counts as text, shares of the true class as colour; rows are true classes, columns answers."""
    seen = oof_votes[oof_votes["condition"] == condition]
    targets = classes["target"].tolist()
    counts = confusion_matrix(seen["label"].astype(int), seen["predicted"], targets)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [escape(f"{row.target} {row.class_name}") for row in classes.itertuples()]
    hover = [
        [
            f"true: {true}<br>answer: {answer}<br>{counts[i, j]} pages, {shares[i, j]:.1%} of this class"
            for j, answer in enumerate(names)
        ]
        for i, true in enumerate(names)
    ]
    heatmap = go.Heatmap(
        z=shares.tolist(),
        x=[str(target) for target in targets],
        y=_class_labels(classes),
        text=[[str(count) if count else "" for count in row] for row in counts],
        texttemplate="%{text}",
        hovertext=hover,
        hoverinfo="text",
        colorscale=[[0, "#ffffff"], [0.05, "#dbe8f5"], [0.5, "#6ea3d4"], [1, "#174a7e"]],
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "share of<br>true class"}, "thickness": 12, "tickformat": ".0%", "len": 0.6},
    )
    figure = go.Figure(heatmap)
    axis = {"type": "category", "showgrid": False, "automargin": True}
    figure.update_xaxes(title_text="answer (class number)", side="bottom", **axis)
    figure.update_yaxes(autorange="reversed", **axis)
    return dress(figure, f"Confusion matrix, {_condition_name(condition)} validation pages", 200 + 34 * len(targets))


def draw_learning_curves(histories: pd.DataFrame) -> go.Figure:
    """Training loss, and macro-F1 on both conditions, per epoch; one colour per training.

    histories: columns epoch, train_loss, clean_macro_f1, test_like_macro_f1 and fold; by a column `group` the
    specialists' curves are told apart, by `model` those of several models.
    """
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("training loss", "macro-F1 on held-out pages"), horizontal_spacing=0.09
    )
    several = "model" in histories.columns and histories["model"].nunique() > 1
    keys = [key for key in ("group", *(["model"] if several else []), "fold") if key in histories.columns]
    for i, (key, own) in enumerate(histories.groupby(keys, sort=True, dropna=False)):
        name = escape(" ".join(f"fold {part}" if k == "fold" else str(part) for k, part in zip(keys, key, strict=True)))
        colour = FOLD_COLOURS[i % len(FOLD_COLOURS)]
        for column, condition, dash, place in (
            ("train_loss", "loss", "solid", 1),
            ("test_like_macro_f1", "test-like", "solid", 2),
            ("clean_macro_f1", "clean", "dot", 2),
        ):
            trace = go.Scatter(
                x=own["epoch"].tolist(),
                y=own[column].tolist(),
                mode="lines+markers" if len(own) < 30 else "lines",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 5},
                opacity=0.55 if condition == "clean" else 1,
                name=name,
                legendgroup=name,
                showlegend=place == 1,
                hovertemplate=f"{name}, {condition}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
            )
            figure.add_trace(trace, row=1, col=place)
    longest = int(histories["epoch"].max()) if len(histories) else 1
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=max(1, round(longest / 10)))  # else a 2 stands there thrice
    dress(figure, "Learning curves (right: solid test-like, dotted clean)", 440)
    # Room for the plotly title, the titles of the two panels and no overlap between them.
    return figure.update_layout(margin_t=90, legend={"orientation": "h", "y": -0.2, "x": 0})


def draw_class_scores(class_scores: pd.DataFrame) -> go.Figure:
    """F1 per class and condition, the class with the worst test-like score on top."""
    ordered = class_scores.sort_values("test_like_f1", ascending=False, kind="stable")
    conditions = [condition for condition in CONDITION_COLOURS if f"{condition}_f1" in ordered.columns]
    figure = go.Figure()
    for condition in reversed(conditions):
        bars = go.Bar(
            y=_class_labels(ordered),
            x=ordered[f"{condition}_f1"].tolist(),
            orientation="h",
            name=_condition_name(condition),
            marker_color=CONDITION_COLOURS[condition],
            customdata=ordered[[f"{condition}_{figure}" for figure in ("precision", "recall", "support")]]
            .to_numpy()
            .tolist(),
            hovertemplate=(
                f"%{{y}}<br>{_condition_name(condition)}: F1 %{{x:.3f}}, precision %{{customdata[0]:.3f}}, "
                "recall %{customdata[1]:.3f}, %{customdata[2]} pages<extra></extra>"
            ),
        )
        figure.add_trace(bars)
    figure.update_xaxes(range=[0, 1.0], title_text="F1")
    figure.update_yaxes(type="category", automargin=True)
    dress(figure, "F1 of each class", 140 + (12 * len(conditions) + 10) * len(ordered))
    figure.update_layout(bargap=0.3, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0})
    return figure.update_layout(legend_traceorder="reversed")


def draw_specialist_verdicts(verdicts: pd.DataFrame) -> go.Figure:
    """What each specialist would add to macro-F1, with its interval; green where it is accepted.

    A hollow diamond is the gain on the very pages that its rule was fitted to: what a careless search would promise.
    """
    figure = go.Figure()
    names = [escape(str(name)) for name in verdicts["group_name"]]
    spans = verdicts[["delta", "low", "high"]].to_numpy(float)
    words = zip(names, verdicts["accepted"].astype(bool), verdicts["reason"].astype(str), spans, strict=True)
    for (name, accepted, reason, (delta, low, high)), rule in zip(words, _rules_in_words(verdicts), strict=True):
        point = go.Scatter(
            x=[delta],
            y=[name],
            mode="markers",
            marker={"size": 12, "color": GOOD if accepted else BAD, "symbol": "circle" if accepted else "x"},
            error_x=error_bar(delta, low, high),
            hovertemplate=f"%{{y}}: %{{x:{SIGNED}}}<br>{rule}<br>{escape(reason)}<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(point)
    fitted = go.Scatter(
        x=verdicts["fitted_delta"].tolist(),
        y=names,
        mode="markers",
        marker={"size": 9, "color": GREY, "symbol": "diamond-open"},
        hovertemplate=f"%{{y}}: %{{x:{SIGNED}}} on the pages that the rule was fitted to<extra></extra>",
        showlegend=False,
    )
    figure.add_trace(fitted)
    figure.add_vline(x=0, line_color=GREY, line_width=1)
    figure.update_xaxes(title_text="gain in test-like macro-F1, all classes; ◇ as fitted", tickformat=SIGNED)
    figure.update_yaxes(type="category", automargin=True)
    title = "What the specialists are worth, out of fold"
    if not names:
        say(figure, "no specialist was trained: the data has none of the groups that were given, and none was found")
    return dress(figure, title, 180 + 50 * max(1, len(names)))


def _rules_in_words(verdicts: pd.DataFrame) -> list[str]:
    rules = zip(verdicts["routing"], verdicts["trigger"], verdicts["threshold"].astype(float), strict=True)
    return [
        "not asked"
        if trigger == "none"
        else f"{routing}, asked by {trigger}" + ("" if trigger == "top1" else f" {threshold:.3g}")
        for routing, trigger, threshold in rules
    ]


def draw_drift(drift: pd.DataFrame) -> go.Figure:
    """How far test images lie from training images, each measure in units of the training images' own spread.

    drift: of `cleaning.drift.measure_drift`; a measure that does not vary in training has no bar.
    """
    check_columns(drift, DRIFT, "drift")
    measures = drift[drift["measure"] != AUC_ROW]
    shift = measures["difference"].to_numpy(float)
    order = np.argsort(np.abs(np.nan_to_num(shift)), kind="stable")
    bars = go.Bar(
        x=[None if np.isnan(value) else float(value) for value in shift[order]],
        y=[short_label(str(measures["measure"].iloc[i]).replace("_", " ")) for i in order],
        orientation="h",
        marker_color=[
            CONDITION_COLOURS["test"] if abs(value) > 1 else CONDITION_COLOURS["test_like"] for value in shift[order]
        ],
        customdata=measures[["train_mean", "train_sd", "test_mean", "test_sd", "ks"]].to_numpy(float)[order].tolist(),
        hovertemplate=(
            "%{y}<br>train %{customdata[0]:.4g} ± %{customdata[1]:.4g}<br>"
            "test %{customdata[2]:.4g} ± %{customdata[3]:.4g}<br>"
            "Kolmogorov-Smirnov distance %{customdata[4]:.3f}<extra></extra>"
        ),
    )
    figure = go.Figure(bars)
    figure.add_vline(x=0, line_color=GREY, line_width=1)
    figure.update_xaxes(title_text="(test mean − train mean) / train standard deviation")
    figure.update_yaxes(type="category", automargin=True)
    if measures.empty:
        say(figure, "nothing to compare: there are no test images")
    return dress(figure, "Drift from training to test images", 150 + 34 * max(1, len(measures)))


def error_bar(middle: float, low: float, high: float) -> dict[str, Any]:
    """An interval around a point, as plotly's `error_x` and `error_y` want it."""
    return {"type": "data", "array": [high - middle], "arrayminus": [middle - low], "width": 5}


def say(figure: go.Figure, text: str) -> None:
    """Puts a sentence in the place of a plot that has nothing to show."""
    figure.add_annotation(text=escape(text), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    figure.update_xaxes(visible=False).update_yaxes(visible=False)


def dress(figure: go.Figure, title: str, height: int) -> go.Figure:
    """The figure with the title, height in pixels and look that all share."""
    figure.update_layout(
        template="plotly_white",
        title={"text": title, "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12}, "font": {"size": 17}},
        font={"family": FONT, "size": 13, "color": INK},
        height=height,
        margin={"l": 12, "r": 24, "t": 64, "b": 48},
        hoverlabel={"align": "left"},
    )
    figure.update_xaxes(gridcolor=FAINT)
    # Invisible ticks keep the labels off the bars.
    return figure.update_yaxes(gridcolor=FAINT, ticks="outside", ticklen=6, tickcolor="rgba(0,0,0,0)")


def _class_labels(classes: pd.DataFrame) -> list[str]:
    return [short_label(f"{row.target} {row.class_name}") for row in classes.itertuples()]


def escape(text: str) -> str:
    """Text that is no markup to plotly, which takes &quot; for text."""
    return html.escape(text, quote=False)


def short_label(text: str) -> str:
    """The text on an axis: cut, and no markup."""
    short = text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
    return escape(short)


def _condition_name(condition: str) -> str:
    return condition.replace("_", "-")
