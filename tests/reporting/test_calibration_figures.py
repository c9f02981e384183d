"""The figures of confidence show every bin and curve of their tables, and the point that was chosen."""

import pandas as pd
import plotly.io
import pytest
from confidences import Run

from docsort.errors import InputError
from docsort.reporting.calibration_figures import draw_reliability, draw_risk_coverage
from docsort.reporting.confidence_scores import score_confidences


@pytest.fixture
def tables(confidence_run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    run = confidence_run
    return score_confidences(run.votes, run.calibration, run.abstention, run.answer_key, 0)[1:]


def test_each_view_has_a_panel_with_both_stages_and_the_line_of_kept_words(
    tables: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    bins = tables[0]
    figure = draw_reliability(bins)
    shown = [trace for trace in figure.data if trace.name]
    assert [trace.name for trace in shown] == ["before calibration", "after calibration"] * 2
    for trace, (condition, stage) in zip(
        shown, [(v, s) for v in ("test_like", "test") for s in ("before", "after")], strict=True
    ):
        own = bins[(bins["condition"] == condition) & (bins["stage"] == stage)]
        assert list(trace.x) == own["confidence"].tolist()
        assert list(trace.y) == own["accuracy"].tolist()
        assert list(trace.customdata) == own["pages"].tolist()
    assert sum(trace.showlegend is not False for trace in shown) == 2
    alone = draw_reliability(bins[bins["condition"] == "test_like"])
    assert len(alone.layout.annotations) == 1
    with pytest.raises(InputError, match="stage is missing"):
        draw_reliability(bins.drop(columns="stage"))


def test_the_chosen_point_and_the_precision_asked_for_are_marked(
    tables: tuple[pd.DataFrame, pd.DataFrame], confidence_run: Run
) -> None:
    figure = draw_risk_coverage(tables[1], confidence_run.abstention)
    traces = {trace.name: trace for trace in figure.data}
    told = confidence_run.abstention["test"]
    assert told["precision"] is not None
    point = traces["chosen: test images, expected"]
    assert (point.x[0], point.y[0]) == (told["answered"], told["precision"])
    assert figure.layout.shapes[0].y0 == 0.9
    assert len(traces) == 5
    nothing = {
        **confidence_run.abstention,
        "validation": {"answered": 0.0, "precision": None, "pages": 1},
        "test": None,
    }
    assert len(draw_risk_coverage(tables[1], nothing).data) == 3


def test_they_survive_their_json(tables: tuple[pd.DataFrame, pd.DataFrame], confidence_run: Run) -> None:
    for figure in (draw_reliability(tables[0]), draw_risk_coverage(tables[1], confidence_run.abstention)):
        assert plotly.io.from_json(figure.to_json()) == figure
