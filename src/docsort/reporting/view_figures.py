"""Figure of test-time augmentation: score against forward passes."""

import pandas as pd
import plotly.graph_objects as go

from docsort.ensembling.view_choice import RANDOM_DRAWS, VIEW_CURVE
from docsort.reporting.figures import BAD, GOOD, GREY, INK, dress, short_label
from docsort.tables import check_columns

TICKS = (1, 2, 3, 4, 6, 8, 12, 16, 20, 32, 64, 128)
"""Forward passes that are written at the axis: it is logarithmic, and on its own would call 20 a 2."""


def draw_view_curve(view_curve: pd.DataFrame) -> go.Figure:
    """Test-like macro-F1 against forward passes per page and model: always the first views, stopping early, and the old
    random ones; the chosen way is ringed, bars are the interval of its difference from all views.

    view_curve: table VIEW_CURVE of `ensembling.view_choice`.
    """
    check_columns(view_curve, VIEW_CURVE, "view_curve")
    figure = go.Figure()
    names = view_curve["name"].astype(str)
    early, drawn = names.str.startswith("until "), names == f"{RANDOM_DRAWS} random"
    kinds = (("always so many", ~early & ~drawn, GREY), ("until sure", early, GOOD), ("random", drawn, BAD))
    for kind, rows, colour in kinds:
        own = view_curve[rows]
        spans = own[["delta", "delta_low", "delta_high"]].to_numpy(float)
        chosen = own["chosen"].astype(bool)
        points = go.Scatter(
            x=own["forwards"].tolist(),
            y=own["macro_f1"].tolist(),
            mode="markers",
            name=kind,
            marker={
                "size": [15 if each else 9 for each in chosen],
                "color": colour,
                "line": {"width": [3 if each else 0 for each in chosen], "color": INK},
            },
            error_y={
                "type": "data",
                "array": (spans[:, 2] - spans[:, 0]).tolist(),
                "arrayminus": (spans[:, 0] - spans[:, 1]).tolist(),
                "width": 4,
                "thickness": 1,
            },
            text=[short_label(name) for name in own["name"].astype(str)],
            hovertemplate="%{text}: macro-F1 %{y:.4f}, %{x:.2f} forward passes per page<extra></extra>",
        )
        figure.add_trace(points)
    figure.update_xaxes(title_text="forward passes per page and model", type="log", tickvals=TICKS)
    figure.update_yaxes(title_text="test-like macro-F1, out of fold", automargin=True)
    dress(figure, "Views: what more of them are worth", 420)
    return figure.update_layout(legend={"orientation": "h", "y": -0.25, "x": 0})
