"""Unchanged pages are left in peace; each change is named by its own measure, and none that is too small."""

import numpy as np
import pytest
from drawn_days import draw_day, draw_reference, watched

from docsort.images.appearance import APPEARANCE
from docsort.watching.comparison import LEVEL, find_changes, holm, limits_of, outside

SEEDS = 20


def changes_of(seed: int, days: list[dict], pages: int = 80) -> list:
    drawn = [draw_day(100 * seed + number, pages, **day) for number, day in enumerate(days)]
    return find_changes(draw_reference(seed), watched(drawn).periods("day"))


def test_unchanged_pages_raise_an_alarm_no_more_often_than_promised() -> None:
    alarms = sum(bool(changes_of(seed, [{}, {}, {}])) for seed in range(SEEDS))
    assert alarms <= 2 * LEVEL * SEEDS  # one is expected; were no question corrected, nearly all


def test_what_keeps_the_promise_is_the_correction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docsort.watching.comparison.holm", lambda chances, level: chances <= level)
    monkeypatch.setattr("docsort.watching.comparison.is_large", lambda change: True)
    assert sum(bool(changes_of(seed, [{}, {}, {}])) for seed in range(5)) == 5


@pytest.mark.parametrize("measure", [*APPEARANCE, "novelty"])
@pytest.mark.parametrize("upward", [False, True])
def test_a_change_is_named_by_its_own_measure_and_direction(measure: str, upward: bool) -> None:
    size = 0.4 if measure == "novelty" else 1.0
    found = changes_of(1, [{}, {"moved": {measure: size if upward else -size}}])
    assert {(each.measure, each.upward, each.period) for each in found} == {(measure, upward, 1)}


def test_pages_far_away_are_outside_of_anything_learnt() -> None:
    near, far = (changes_of(2, [{"moved": {"sharpness": move}}]) for move in (-1.0, -5.0))
    assert {each.kind for each in near} == {"mix"}
    worst = next(each for each in far if each.kind == "outside")
    assert (worst.measure, worst.upward) == ("sharpness", False)
    assert worst.share > 0.95
    assert worst.usual < 0.02


def test_outside_means_of_every_set_of_pages() -> None:
    reference = draw_reference(3)
    before = limits_of(reference, "noise")
    reference.sets["test_like"]["noise"][:] += 3  # damage that was fitted, and learnt
    assert limits_of(reference, "noise")[1] == pytest.approx(before[1] + 3, abs=0.7)
    pages = watched([draw_day(3, 80, {"noise": 3.0})]).periods("day")[0]
    assert outside(draw_reference(3), pages).mean() > 0.4
    assert outside(reference, pages).mean() < 0.1


def test_less_sure_answers_and_a_more_frequent_class_are_told() -> None:
    assert {each.measure for each in changes_of(4, [{"moved": {"confidence": -0.3}}])} == {"confidence"}
    found = changes_of(5, [{"favoured": 0.7}])
    assert {each.kind for each in found} == {"class"}
    assert max(found, key=lambda each: each.size).measure == "0"
    assert next(each for each in found if each.measure == "0").share == pytest.approx(0.7, abs=0.15)


def test_a_sure_change_that_matters_to_nobody_is_not_told() -> None:
    small = changes_of(6, [{"moved": {"brightness": 0.25}}], pages=2000)
    assert small == []
    assert {each.measure for each in changes_of(6, [{"moved": {"brightness": 0.6}}], pages=2000)} == {"brightness"}


def test_what_no_page_tells_is_not_asked() -> None:
    answers, appearance = draw_day(7, 80)
    appearance[:] = np.nan  # the files are gone
    assert find_changes(draw_reference(7), watched([(answers, appearance)]).periods("day")) == []


def test_holm_keeps_the_first_that_pass_and_none_after_one_that_fails() -> None:
    assert holm(np.array([0.04, 0.001, 0.02, 0.9]), 0.05).tolist() == [False, True, False, False]
    assert holm(np.array([0.001, 0.01]), 0.05).all()
    assert not holm(np.array([]), 0.05).any()
