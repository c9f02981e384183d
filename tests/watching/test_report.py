"""The page of a watch holds what was found, shows each measure, and runs nothing that the data says."""

import json
import re
from types import SimpleNamespace

import pytest
from drawn_days import draw_day, draw_reference, watched

from docsort.errors import InputError
from docsort.watching.report import write_report
from docsort.watching.watch import WATCHED, in_words, record_of, watch

FORECAST = {"macro_f1": 0.9, "accuracy": 0.91, "interval": [0.86, 0.93]}
CLASSES = ((0, "letter"), (1, "<script>alert(1)</script>"), (2, "receipt"), (3, "form"))


def ensemble(reference: object) -> SimpleNamespace:
    manifest = SimpleNamespace(forecast=FORECAST, classes=CLASSES)
    return SimpleNamespace(reference=reference, manifest=manifest, folder="models/ensemble")


NEW = ensemble(draw_reference(1))


def test_the_page_shows_every_measure_the_changed_ones_first() -> None:
    pages = watched([draw_day(60, 80), draw_day(61, 80, {"sharpness": -5.0})])
    found = watch(NEW, pages)
    record = record_of(found, NEW)
    assert json.loads(json.dumps(record))["periods"][1]["pages"] == 80
    page = write_report(record, in_words(found, FORECAST).splitlines())
    charts = re.findall(r"<h2>(\w+) <span>", page)
    assert charts[0] == "sharpness"
    assert sorted(charts) == sorted(WATCHED)
    assert "blurrier than anything learnt, since 2026-03-10" in page
    assert page.count('class="changed"') == 1
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)  # nothing is asked of another place


def test_a_name_of_a_class_runs_nothing() -> None:
    answers, appearance = draw_day(62, 120)
    answers[["p_0", "p_1"]] = answers[["p_1", "p_0"]].to_numpy()
    answers["p_1"] = 0.99
    found = watch(NEW, watched([(answers, appearance)]))
    page = write_report(record_of(found, NEW), in_words(found, FORECAST).splitlines())
    assert "answered as &lt;script&gt;alert(1)&lt;/script&gt; more often" in page
    assert "<script" not in page


def test_where_nothing_has_changed_one_line_says_so_and_one_what_is_expected() -> None:
    lines = in_words(watch(NEW, watched([draw_day(63, 80), draw_day(64, 80)])), FORECAST).splitlines()
    assert lines[0] == "Nothing has changed: the 160 pages of 2026-03-09 to 2026-03-10 are like those validated on."
    assert lines[1].startswith("Macro-F1 expected on these pages: 0.")
    assert len(lines) == 2


def test_too_few_pages_say_so_and_raise_no_alarm() -> None:
    found = watch(NEW, watched([draw_day(65, 20, {"sharpness": -9.0})]))
    assert not found.drifted
    assert in_words(found, FORECAST) == "20 pages are too few to say anything; 30 are needed."
    assert "<svg" not in write_report(record_of(found, NEW), ["too few"])


def test_no_pages_at_all_are_too_few() -> None:
    assert in_words(watch(NEW, watched([])), FORECAST) == "0 pages are too few to say anything; 30 are needed."


def test_an_ensemble_of_before_is_named_and_must_be_made_anew() -> None:
    with pytest.raises(InputError, match=r"Expected models/ensemble to hold .* make it anew"):
        watch(ensemble(None), watched([draw_day(66, 40)]))
