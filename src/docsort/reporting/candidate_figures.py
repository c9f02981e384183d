"""The figure of the candidates: who would have been better than what is used, and by how much it may be luck."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from docsort.ensembling.comparison import CANDIDATES, USED
from docsort.reporting.figures import BAD, GOOD, GREY, dress, say
from docsort.tables import check_columns


def draw_candidates(candidates: pd.DataFrame) -> go.Figure:
    """Difference of each candidate's macro-F1 from the used one's, with its interval, the best on top; green and red
    where it is real, grey where it may be luck.

    candidates: table CANDIDATES of `ensembling.comparison`.
    """
    check_columns(candidates, CANDIDATES, "candidates")
    rivals = candidates[candidates["candidate"] != USED]
    figure = go.Figure()
    for row in rivals.iloc[::-1].to_dict("records"):
        delta, real = float(row["delta"]), str(row["verdict"]).startswith("real")
        point = go.Scatter(
            x=[delta],
            y=[escape(str(row["candidate"]))],  # whole: cut names would fall together
            mode="markers",
            marker={"size": 11, "color": (GOOD if delta > 0 else BAD) if real else GREY},
            error_x={
                "type": "data",
                "array": [float(row["delta_high"]) - delta],
                "arrayminus": [delta - float(row["delta_low"])],
                "width": 5,
            },
            hovertemplate=f"%{{y}}: macro-F1 {row['macro_f1']:.4f}<br>{escape(str(row['verdict']))}<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(point)
    figure.add_vline(x=0, line_color=GREY, line_width=1)
    figure.update_xaxes(title_text="test-like macro-F1, out of fold, less that of what is used", tickformat="+.3f")
    figure.update_yaxes(type="category", automargin=True)
    if rivals.empty:
        say(figure, "there is nothing to compare with")
    return dress(figure, "Other ways to answer, compared with the one that is used", 180 + 30 * max(1, len(rivals)))
