"""The last screen of a run."""

from typing import Any

import pandas as pd
import pytest

from docsort.reporting.run_summary import tell_run


def block(score: float, clean: float) -> dict[str, Any]:
    scores = {"macro_f1": score, "interval": [score - 0.02, score + 0.02], "n": 200, "groups": 100}
    return {"test_like": scores, "clean": {**scores, "macro_f1": clean}}


VALIDATION = {**block(0.9, 0.95), "models": {"kernel": block(0.6, 0.7), "main": block(0.88, 0.93)}}
SELECTION = {
    "models": ["kernel", "main"],
    "used": "stacked",
    "stacked": {"plan": {"weights": {"kernel": 0.01, "main": 0.99}}},
}
VERDICTS = pd.DataFrame(
    {
        "group_name": ["certificates", "reading", "plates"],
        "accepted": [False, True, False],
        "delta": [-0.002, 0.03, 0.0],
        "low": [-0.01, 0.01, 0.0],
        "high": [0.01, 0.05, 0.0],
        "pages_changed": [4, 30, 0],
        "routing": ["soft", "mix", "none"],
        "reason": ["", "", "rejected after 2 folds"],
    }
)
SUBMISSION = pd.DataFrame({"ID": list("abcd"), "target": 0})
REVIEW, SUSPECTS = pd.DataFrame({"image_id": ["a"]}), pd.DataFrame({"image_id": ["x", "y"]})
TRAINED = {
    "validation_metrics": VALIDATION,
    "ensemble_selection": SELECTION,
    "specialist_verdicts": VERDICTS,
    "label_suspects": SUSPECTS,
}
ANSWERED = {"submission": SUBMISSION, "needs_review": REVIEW, "report": None, "ensemble": None}
PLACES = {name: f"data/{name}" for name in (*TRAINED, *ANSWERED)}


def scored(test: float | None) -> dict[str, Any]:
    forecast = {**block(0.9, 0.95), "macro_f1": 0.9}
    scores: dict[str, Any] = {"validation": forecast, "expect": "Expect about 0.9; 0.88 against the labels as given."}
    return scores if test is None else {**scores, "test": {"macro_f1": test}, "gap": 0.9 - test}


def test_a_run_that_only_trained_ends_with_its_score_too() -> None:
    text = "\n".join(tell_run(TRAINED, PLACES))
    assert "macro-F1 of 0.900 (95 % interval 0.880 to 0.920)" in text
    assert "kedro run  " in text
    assert "test pages need a person" not in text


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (0.91, "0.910: 0.010 above that, inside the interval"),
        (0.87, "0.870: 0.030 below that, OUTSIDE the interval"),
    ],
)
def test_the_answer_key_is_held_against_the_forecast(test: float, said: str) -> None:
    assert any(said in line for line in tell_run({**TRAINED, **ANSWERED, "scores": scored(test)}, PLACES))


def test_without_a_key_no_test_score_is_told() -> None:
    text = "\n".join(tell_run({**TRAINED, **ANSWERED, "scores": scored(None)}, PLACES))
    assert text.startswith("Score        Expect about 0.9;\n             0.88 against the labels as given.")
    assert "answer key" not in text


def test_every_sentence_of_the_forecast_has_a_line_of_its_own() -> None:
    scores = {**scored(None), "expect": "Expect about 0.9 (95 % interval 0.88 to 0.92); 0.88 as given. They disagree."}
    lines = tell_run({**TRAINED, **ANSWERED, "scores": scores}, PLACES)
    told = [line.removeprefix("Score").strip() for line in lines[:3]]
    assert told == ["Expect about 0.9 (95 % interval 0.88 to 0.92);", "0.88 as given.", "They disagree."]


def test_who_decides_and_who_adds_nothing_is_named() -> None:
    lines = tell_run(TRAINED, PLACES)
    names = [line.split()[0] for line in lines if "[0." in line]
    assert names == ["main", "kernel", "together"]
    assert any("main decides most; kernel adds nothing." in line for line in lines)


@pytest.mark.parametrize(
    ("used", "counts"),
    [("equal", ["0.50", "0.50"]), ("routed", ["by page", "by page"]), ("stacked", ["0.99", "0.01"])],
)
def test_how_much_each_member_counts_is_as_it_is_used(used: str, counts: list[str]) -> None:
    lines = tell_run({**TRAINED, "ensemble_selection": {**SELECTION, "used": used}}, PLACES)
    rows = [line for line in lines if " main  " in line or " kernel  " in line]
    assert [row.split("   ")[-1].split("  ")[-1].strip() for row in rows] == counts


def test_verdicts_and_what_a_person_should_look_at_are_told() -> None:
    text = "\n".join(tell_run({**TRAINED, **ANSWERED, "scores": scored(None)}, PLACES))
    assert "certificates: rejected, −0.002 [−0.010, +0.010], 4 held-out answers changed" in text
    assert "reading: accepted, +0.030" in text
    assert "plates: rejected after 2 folds\n" in text
    assert "1 of 4 test pages (25 %) need a person: data/needs_review" in text
    assert "2 training labels look wrong: data/label_suspects" in text
    assert "docsort predict PHOTOS --ensemble data/ensemble" in text


def test_a_run_that_makes_nothing_of_it_says_nothing() -> None:
    assert tell_run({}, {}) == []
    assert tell_run({"label_suspects": SUSPECTS}, PLACES) == []
