"""The figure of the candidates shows their table, and keeps their names harmless."""

import pandas as pd
import plotly.io
import pytest

from docsort.errors import InputError
from docsort.reporting.candidate_figures import draw_candidates
from docsort.reporting.figures import BAD, GOOD, GREY
from docsort.reporting.parts import Plot


def test_candidates_show_their_difference_with_its_interval_and_the_best_is_on_top(candidates: pd.DataFrame) -> None:
    points = list(draw_candidates(candidates).data)[::-1]  # plotly draws upwards
    assert [point.x[0] for point in points] == [0.03, -0.01, -0.2]
    assert [point.marker.color for point in points] == [GOOD, GREY, BAD]
    assert points[0].error_x.array[0] == pytest.approx(0.02)
    assert points[0].error_x.arrayminus[0] == pytest.approx(0.02)
    assert "real: better by 0.0300" in points[0].hovertemplate


def test_long_names_that_begin_alike_have_rows_of_their_own(candidates: pd.DataFrame) -> None:
    start = "geometric vote, equal weights, with"
    candidates.loc[[1, 2], "candidate"] = [f"{start} specialists", f"{start}out specialists"]
    assert len({point.y[0] for point in draw_candidates(candidates).data}) == 3


def test_nothing_to_compare_is_said_in_words(candidates: pd.DataFrame) -> None:
    assert "nothing to compare" in draw_candidates(candidates.iloc[:1]).layout.annotations[-1].text
    with pytest.raises(InputError, match="verdict is missing"):
        draw_candidates(candidates.drop(columns="verdict"))


def test_a_name_cannot_become_markup_and_the_figure_survives_its_json(candidates: pd.DataFrame) -> None:
    figure = draw_candidates(candidates)
    html = Plot("candidates_figure", figure).html
    assert "<script>alert" not in html
    assert html.count("</script>") == html.count("<script")
    assert "<b>" not in figure.to_json()
    assert plotly.io.from_json(figure.to_json()) == figure
