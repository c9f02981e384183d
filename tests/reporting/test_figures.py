"""Figures show the numbers of their tables, keep names harmless, and survive their JSON."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest

from docsort.errors import InputError
from docsort.metrics import confusion_matrix
from docsort.reporting.figures import (
    draw_class_scores,
    draw_confusion_matrix,
    draw_drift,
    draw_learning_curves,
    draw_specialist_verdicts,
)
from docsort.reporting.parts import Plot
from docsort.reporting.scores import tabulate_class_scores


@pytest.fixture
def figures(
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    histories: pd.DataFrame,
    verdicts: pd.DataFrame,
    drift: pd.DataFrame,
) -> dict[str, go.Figure]:
    return {
        "confusion_matrix": draw_confusion_matrix(oof_votes, classes),
        "learning_curves": draw_learning_curves(histories),
        "class_scores": draw_class_scores(tabulate_class_scores(oof_votes, classes, submission, None)),
        "specialist_verdicts": draw_specialist_verdicts(verdicts),
        "drift": draw_drift(drift),
    }


def test_the_confusion_matrix_shows_counts_and_shares_of_the_test_like_view(
    oof_votes: pd.DataFrame, classes: pd.DataFrame
) -> None:
    heat = draw_confusion_matrix(oof_votes, classes).data[0]
    seen = oof_votes[oof_votes["condition"] == "test_like"]
    counts = confusion_matrix(seen["label"], seen["predicted"], range(5))
    shown = np.array([[int(text or 0) for text in row] for row in heat.text])
    assert (shown == counts).all()
    assert np.sum(heat.z, axis=1) == pytest.approx(np.ones(5))
    assert f"{counts[1, 0]} pages" in heat.hovertext[1][0]


def test_a_class_without_pages_is_an_empty_row(oof_votes: pd.DataFrame, classes: pd.DataFrame) -> None:
    heat = draw_confusion_matrix(oof_votes[oof_votes["label"] != 2], classes).data[0]
    assert sum(heat.z[2]) == 0


def test_every_fold_has_its_curves_and_one_entry_in_the_legend(histories: pd.DataFrame) -> None:
    figure = draw_learning_curves(histories)
    assert len(figure.data) == 15
    assert [trace.name for trace in figure.data if trace.showlegend] == [f"fold {fold}" for fold in range(5)]
    both = pd.concat([histories.assign(group="certificates"), histories.assign(group="bills")])
    assert len(draw_learning_curves(both).data) == 30


def test_the_weakest_class_is_on_top(oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame) -> None:
    table = tabulate_class_scores(oof_votes, classes, submission, None)
    figure = draw_class_scores(table)
    bars = {trace.name: trace for trace in figure.data}
    assert set(bars) == {"clean", "test-like"}
    assert list(bars["test-like"].x) == sorted(table["test_like_f1"], reverse=True)


def test_verdicts_show_gain_and_interval(verdicts: pd.DataFrame) -> None:
    first = draw_specialist_verdicts(verdicts).data[0]
    assert list(first.x) == [0.06]
    assert first.error_x.array[0] == pytest.approx(0.04)
    assert first.error_x.arrayminus[0] == pytest.approx(0.04)


def test_verdicts_say_how_a_specialist_is_asked_and_what_fitting_promised(verdicts: pd.DataFrame) -> None:
    *points, fitted = draw_specialist_verdicts(verdicts).data
    assert ["hard, asked by margin 0.25<br>" in points[0].hovertemplate, len(points)] == [True, 2]
    assert list(fitted.x) == [0.07, 0.02]
    never = draw_specialist_verdicts(verdicts.assign(routing="none", trigger="none"))
    assert "not asked" in never.data[0].hovertemplate


def test_no_specialists_are_said_in_words(verdicts: pd.DataFrame) -> None:
    figure = draw_specialist_verdicts(verdicts.iloc[:0])
    assert "no specialist was trained" in figure.layout.annotations[-1].text


def test_drift_shows_each_measure_the_largest_on_top(drift: pd.DataFrame) -> None:
    bars = draw_drift(drift).data[0]
    assert list(bars.y) == ["flat", "brightness", "sharpness"]
    assert list(bars.x) == [None, 0.8, -1.6725]
    with pytest.raises(InputError, match="difference is missing"):
        draw_drift(drift.drop(columns="difference"))
    assert "no test images" in draw_drift(drift.iloc[:0]).layout.annotations[-1].text


def test_names_from_the_data_cannot_become_markup(figures: dict[str, go.Figure]) -> None:
    for name, figure in figures.items():
        html = Plot(name, figure).html
        assert "<script>alert" not in html, name
        assert html.count("</script>") == html.count("<script"), name
        assert "<b>" not in figure.to_json(), name


def test_figures_survive_their_json(figures: dict[str, go.Figure]) -> None:
    for name, figure in figures.items():
        assert plotly.io.from_json(figure.to_json()) == figure, name
        assert 200 <= figure.layout.height <= 1000, name
