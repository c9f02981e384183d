"""Days are pooled until they say something, and memory does not grow with their pages."""

from datetime import date, timedelta

import numpy as np
from drawn_days import FIRST_DAY, draw_day, watched

from docsort.watching.pages import FEWEST, KEPT_A_DAY, WatchedPages


def test_small_days_are_joined_until_they_are_enough() -> None:
    counts = [40, 10, 10, 15, 50, 5]
    periods = watched([draw_day(day, count) for day, count in enumerate(counts)]).periods("day")
    assert [period.pages for period in periods] == [40, 35, 55]  # the last day joins the one before
    assert [(period.first - FIRST_DAY).days for period in periods] == [0, 1, 4]
    assert periods[1].named() == "2026-03-10 to 2026-03-12"
    assert len(watched([draw_day(0, FEWEST - 1)]).periods("day")) == 1  # too few, and told so elsewhere


def test_a_week_begins_on_monday() -> None:
    periods = watched([draw_day(day, 40) for day in range(9)]).periods("week")
    assert [(period.first, period.pages) for period in periods] == [
        (FIRST_DAY, 280),
        (FIRST_DAY + timedelta(days=7), 80),
    ]


def test_of_a_large_day_the_same_pages_are_kept_in_whatever_order_they_come() -> None:
    answers, appearance = draw_day(1, KEPT_A_DAY + 500)
    order = np.random.default_rng(0).permutation(len(answers))
    kept = []
    for rows in (np.arange(len(answers)), order):
        pages = WatchedPages()
        for part in np.array_split(rows, 7):
            pages.add(answers.iloc[part], appearance[part], [FIRST_DAY] * len(part))
        (period,) = pages.periods("day")
        assert (period.pages, len(period)) == (KEPT_A_DAY + 500, KEPT_A_DAY)
        kept.append(np.sort(period.values["noise"]))
    np.testing.assert_array_equal(*kept)


def test_pages_without_an_answer_or_a_day_are_counted_and_left_out() -> None:
    answers, appearance = draw_day(2, 40)
    answers.loc[:2, ["p_0", "p_1", "p_2", "p_3"]] = np.nan
    days: list[date | None] = [FIRST_DAY] * 40
    days[10] = None
    pages = WatchedPages()
    pages.add(answers, appearance, days)
    assert (pages.unreadable, pages.undated, pages.periods("day")[0].pages) == (3, 1, 36)
