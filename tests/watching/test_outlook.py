"""What the forecast becomes follows how sure answers are, with an interval, and not at all where nothing was learnt."""

import pytest
from drawn_days import draw_day, draw_reference, watched

from docsort.watching.outlook import REFUSED, Outlook, look_ahead

FORECAST = {"macro_f1": 0.9, "accuracy": 0.91, "interval": [0.86, 0.93]}


def outlook_of(pages: int = 400, moved: dict | None = None, forecast: dict | None = FORECAST) -> Outlook:
    return look_ahead(forecast, draw_reference(1), watched([draw_day(9, pages, moved)]).periods("day"))


def test_unchanged_pages_have_the_forecast_and_a_wider_interval_the_fewer_they_are() -> None:
    many, few = outlook_of(2000), outlook_of(40)
    assert many.macro_f1 == pytest.approx(0.9, abs=0.015)
    assert many.high - many.low - many.outside == pytest.approx(0.07, abs=0.02)
    assert few.high - few.low > 1.5 * (many.high - many.low)


def test_less_sure_answers_lower_it_and_widen_its_interval() -> None:
    same, less = outlook_of(), outlook_of(moved={"confidence": -0.2})
    assert less.macro_f1 == pytest.approx(same.macro_f1 - 0.19, abs=0.02)
    assert less.accuracy - less.macro_f1 == pytest.approx(0.01)
    assert less.high - less.low > (same.high - same.low) + 0.15


def test_no_number_is_given_for_what_was_never_learnt() -> None:
    strange = outlook_of(moved={"noise": 6.0})
    assert strange.macro_f1 is None
    assert strange.outside > 0.9 > REFUSED
    assert "100% of the pages are outside of anything learnt" in strange.why
    novel = outlook_of(moved={"novelty": 0.5})
    assert novel.macro_f1 is None  # pages of another kind may look like any other, and be answered surely


def test_without_a_forecast_or_pages_it_is_said_why() -> None:
    assert "was not forecast" in outlook_of(forecast=None).why
    assert outlook_of(pages=12).why == "12 pages are too few"


def test_a_large_day_counts_by_all_its_pages() -> None:
    days = [draw_day(1, 3000), draw_day(2, 100, {"confidence": -0.4})]
    both = look_ahead(FORECAST, draw_reference(1), watched(days).periods("day"))
    assert both.macro_f1 == pytest.approx(0.9 - 0.39 * 100 / 3100, abs=0.012)
