"""Figure of the candidate ensembles: paired difference to the one that is used, with intervals."""

import pandas as pd
import plotly.graph_objects as go

from docsort.ensembling.candidates import CANDIDATES, USED
from docsort.reporting.figures import BAD, GOOD, GREY, SIGNED, dress, error_bar, escape, say
from docsort.tables import check_columns


def draw_candidates(candidates: pd.DataFrame) -> go.Figure:
    """Difference of each candidate's macro-F1 from the used one's, with its interval, the best on top; green and red
    where it is real, grey where it may be luck.

    candidates: table CANDIDATES of `ensembling.candidates`.
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
            error_x=error_bar(delta, float(row["delta_low"]), float(row["delta_high"])),
            hovertemplate=f"%{{y}}: macro-F1 {row['macro_f1']:.4f}<br>{escape(str(row['verdict']))}<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(point)
    figure.add_vline(x=0, line_color=GREY, line_width=1)
    figure.update_xaxes(title_text="test-like macro-F1, out of fold, less that of what is used", tickformat=SIGNED)
    figure.update_yaxes(type="category", automargin=True)
    if rivals.empty:
        say(figure, "there is nothing to compare with")
    return dress(figure, "Other ways to answer, compared with the one that is used", 180 + 30 * max(1, len(rivals)))
