"""The figure of the views shows the curve's own numbers and rings the chosen way."""

import pandas as pd
import plotly.io
import pytest

from docsort.ensembling.view_choice import VIEW_CURVE
from docsort.errors import InputError
from docsort.reporting.view_figures import draw_view_curve


@pytest.fixture
def view_curve() -> pd.DataFrame:
    rows = [
        ("first 1", 1.0, 0.70, 0.66, 0.74, -0.10, -0.14, -0.06, False),
        ("until 0.4", 2.5, 0.79, 0.75, 0.83, -0.01, -0.02, 0.01, True),
        ("all", 8.0, 0.80, 0.76, 0.84, 0.0, 0.0, 0.0, False),
        ("20 random", 20.0, 0.79, 0.75, 0.83, -0.01, -0.03, 0.01, False),
    ]
    return pd.DataFrame(rows, columns=list(VIEW_CURVE))


def test_each_kind_of_asking_is_a_trace_and_the_chosen_one_is_ringed(view_curve: pd.DataFrame) -> None:
    always, early, drawn = draw_view_curve(view_curve).data
    assert list(always.x) == [1.0, 8.0]
    assert list(early.y) == [0.79]
    assert list(drawn.x) == [20.0]
    assert list(early.marker.line.width) == [3]
    assert list(always.marker.line.width) == [0, 0]
    assert always.error_y.array[0] == pytest.approx(0.04)
    assert always.error_y.arrayminus[0] == pytest.approx(0.04)


def test_the_figure_survives_its_json_and_another_table_is_refused(view_curve: pd.DataFrame) -> None:
    figure = draw_view_curve(view_curve)
    assert plotly.io.from_json(figure.to_json()) == figure
    with pytest.raises(InputError, match="forwards is missing"):
        draw_view_curve(view_curve.drop(columns="forwards"))
