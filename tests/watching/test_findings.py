"""What is told is a sentence a person understands: what, since when, of how many; the worst first."""

from drawn_days import draw_day, draw_reference, watched

from docsort.watching.comparison import find_changes
from docsort.watching.findings import Finding, tell

CLASSES = dict(enumerate(("letter", "invoice", "receipt", "form")))


def findings_of(*days: dict) -> list[Finding]:
    periods = watched([draw_day(40 + number, 80, **day) for number, day in enumerate(days)]).periods("day")
    return tell(find_changes(draw_reference(1), periods), periods, CLASSES)


def test_what_lasts_has_the_day_it_began_on() -> None:
    blurred = {"moved": {"sharpness": -5.0}}
    (finding,) = findings_of({}, {}, blurred, blurred)
    assert finding.sentence.startswith("Pages are blurrier than anything learnt, since 2026-03-11: ")
    assert finding.lasting
    (over,) = findings_of({}, blurred, {})
    assert "blurrier than anything learnt, on 2026-03-10" in over.sentence
    assert not over.lasting


def test_another_mix_has_both_shares() -> None:
    (finding,) = findings_of({}, {"moved": {"brightness": -1.5}})
    assert finding.sentence.startswith("Pages are darker than those validated on, since 2026-03-10: ")
    assert f"{finding.share:.0%} of them, of those validated on {finding.usual:.0%} have a brightness of at most" in (
        finding.sentence
    )
    assert finding.share > finding.usual + 0.3


def test_a_few_pages_outside_are_counted() -> None:
    some = draw_day(50, 80, {"noise": 6.0})
    answers, appearance = draw_day(51, 80)
    appearance[:20] = some[1][:20]
    periods = watched([(answers, appearance)]).periods("day")
    first = tell(find_changes(draw_reference(1), periods), periods, CLASSES)[0]
    assert first.sentence == "25% of the pages are noisier than anything learnt, on 2026-03-09."


def test_a_class_has_its_name() -> None:
    found = findings_of({}, {"favoured": 0.75})
    assert found[0].sentence.startswith("Pages are answered as letter more often, since 2026-03-10: ")
    assert {each.measure for each in found} <= set(CLASSES.values())


def test_what_is_outside_of_anything_learnt_comes_first_and_what_lasts_before_what_is_over() -> None:
    found = findings_of(
        {"moved": {"brightness": -1.0}}, {"moved": {"contrast": -1.2}}, {"moved": {"contrast": -1.2, "noise": 5.0}}
    )
    assert [(each.measure, each.kind) for each in found] == [
        ("noise", "outside"),
        ("contrast", "mix"),
        ("brightness", "mix"),
    ]
