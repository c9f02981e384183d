"""Figures of confidence: the reliability diagram, and risk against coverage."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from docsort.reporting.confidence_scores import RELIABILITY_TABLE, RISK_COVERAGE
from docsort.reporting.figures import CONDITION_COLOURS, GOOD, GREY, dress
from docsort.tables import check_columns

STAGES = {"before": GREY, "after": CONDITION_COLOURS["test_like"]}
PANELS = {"test_like": "test-like validation, out of fold", "test": "test images"}

CURVES = {
    "validation": ("validation, one model out of fold", CONDITION_COLOURS["test_like"], "solid"),
    "expected": ("test images, as their confidences expect", CONDITION_COLOURS["test"], "dot"),
    "test": ("test images, by the answer key", CONDITION_COLOURS["test"], "solid"),
}


def draw_reliability(reliability: pd.DataFrame) -> go.Figure:
    """Share of right answers against confidence, before and after calibration; on the dotted line a confidence is
    calibrated. The size of a point says how many pages are in its bin.
    """
    check_columns(reliability, RELIABILITY_TABLE, "reliability")
    conditions = [condition for condition in PANELS if (reliability["condition"] == condition).any()]
    figure = make_subplots(
        1, len(conditions), subplot_titles=[PANELS[condition] for condition in conditions], horizontal_spacing=0.09
    )
    for column, condition in enumerate(conditions, start=1):
        diagonal = go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "width": 1, "dash": "dot"}, hoverinfo="skip"
        )
        figure.add_trace(diagonal.update(showlegend=False), row=1, col=column)
        for stage, colour in STAGES.items():
            own = reliability[(reliability["condition"] == condition) & (reliability["stage"] == stage)]
            figure.add_trace(_points(own, stage, colour, column == 1), row=1, col=column)
    figure.update_xaxes(title_text="confidence", range=[0, 1.03])
    figure.update_yaxes(title_text="share of right answers", range=[0, 1.03], col=1)
    figure.update_yaxes(range=[0, 1.03])
    dress(figure, "Reliability: are confidences calibrated? (15 bins of equal width)", 460)
    return figure.update_layout(margin_t=90, legend={"orientation": "h", "y": -0.18, "x": 0})


def draw_risk_coverage(curves: pd.DataFrame, abstention: Mapping[str, Any]) -> go.Figure:
    """Share of right answers among the pages answered, against the share of pages answered, the surest first; the
    point that was chosen is marked, and the precision that was asked for a line.
    """
    check_columns(curves, RISK_COVERAGE, "risk_coverage")
    figure = go.Figure()
    for curve, (name, colour, dash) in CURVES.items():
        own = curves[curves["curve"] == curve]
        line = go.Scatter(
            x=own["coverage"].tolist(),
            y=own["precision"].tolist(),
            customdata=own["threshold"].tolist(),
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            name=name,
            hovertemplate=(
                "%{x:.1%} answered, %{y:.2%} of these right<br>confidence at least %{customdata:.3f}<extra></extra>"
            ),
        )
        if len(own):
            figure.add_trace(line)
    figure.add_hline(
        y=abstention["precision"],
        line={"color": GREY, "width": 1, "dash": "dash"},
        annotation={"text": f"asked for: {abstention['precision']:.1%}", "font": {"color": GREY}},
    )
    for place, name in (("validation", "chosen: validation, nested"), ("test", "chosen: test images, expected")):
        figure.add_trace(_chosen(abstention[place], name, place)) if _answers_any(abstention[place]) else None
    lowest = float(curves["precision"].min()) if len(curves) else 0.0
    figure.update_xaxes(title_text="share of pages answered without a person", tickformat=".0%", range=[-0.01, 1.01])
    figure.update_yaxes(title_text="right among these", tickformat=".0%", range=[max(0.0, lowest - 0.05), 1.02])
    dress(figure, "What answering only the surest pages is worth", 460)
    return figure.update_layout(legend={"orientation": "h", "y": -0.18, "x": 0})


def _points(own: pd.DataFrame, stage: str, colour: str, in_legend: bool) -> go.Scatter:
    largest = max(1, int(own["pages"].max())) if len(own) else 1
    return go.Scatter(
        x=own["confidence"].tolist(),
        y=own["accuracy"].tolist(),
        customdata=own["pages"].tolist(),
        mode="lines+markers",
        line={"color": colour, "width": 1.5},
        marker={"size": [6 + 16 * (pages / largest) ** 0.5 for pages in own["pages"]], "opacity": 0.75},
        name=f"{stage} calibration",
        legendgroup=stage,
        showlegend=in_legend,
        hovertemplate=f"{stage}: %{{customdata}} pages of a confidence of %{{x:.3f}}, %{{y:.1%}} right<extra></extra>",
    )


def _answers_any(told: Mapping[str, Any] | None) -> bool:
    return told is not None and told["precision"] is not None


def _chosen(told: Mapping[str, Any], name: str, place: str) -> go.Scatter:
    return go.Scatter(
        x=[told["answered"]],
        y=[told["precision"]],
        mode="markers",
        marker={"size": 13, "color": GOOD, "symbol": "star" if place == "validation" else "diamond"},
        name=name,
        hovertemplate=f"{name}<br>%{{x:.1%}} answered, %{{y:.2%}} of these right<extra></extra>",
    )
