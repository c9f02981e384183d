"""The sentences say what the records say, also where nothing can be answered."""

import pandas as pd
from confidences import Run

from docsort.reporting.confidence_scores import score_confidences
from docsort.reporting.confidence_words import (
    METHODS,
    abstention_in_words,
    calibration_table,
    error_in_words,
    review_in_words,
    target_table,
)


def test_the_tables_have_a_row_a_stage_and_a_row_a_target(confidence_run: Run) -> None:
    run = confidence_run
    scores, _, _ = score_confidences(run.votes, run.calibration, run.abstention, run.answer_key, 0)
    (stages, rows), (wanted, targets) = calibration_table(scores["calibration"]), target_table(scores["review"])
    assert [row[0].split(",")[0] for row in rows] == ["test-like validation"] * 2 + ["test"] * 2
    assert all(len(row) == len(stages) for row in rows)
    assert rows[3][3] == scores["calibration"]["test"]["after"]["ece"]
    assert [row[0] for row in targets] == [0.8, 0.9, 0.95, 0.98, 0.99]
    assert all(len(row) == len(wanted) for row in targets)
    assert targets[1][6] == scores["review"]["targets"][1]["test"]["right"]
    assert "changes no answer" in METHODS[scores["calibration"]["method"]]


def test_the_choice_is_told_with_what_it_is_worth(confidence_run: Run) -> None:
    run = confidence_run
    scores, _, _ = score_confidences(run.votes, run.calibration, run.abstention, run.answer_key, 0)
    words, told = abstention_in_words(scores["review"]), scores["review"]["test"]
    assert f"from a confidence of {run.abstention['threshold']:.3f}" in words
    assert "90.0% are right (certainty 90%)" in words
    assert f"{told['answered']:.1%}, of which {told['precision']:.1%} are expected to be right" in words
    assert words.endswith(f"and {told['right']:.1%} were.")
    assert "Of the test pages" not in abstention_in_words({**run.abstention, "test": None})


def test_the_error_is_told_beside_what_luck_would_read(confidence_run: Run) -> None:
    run = confidence_run
    block = score_confidences(run.votes, run.calibration, run.abstention, run.answer_key, 0)[0]["calibration"]
    words = error_in_words(block)
    for own in (block["validation"]["after"], block["test"]["after"]):
        assert f"{own['ece']:.3f} on " in words
        assert f"({own['ece_by_luck']:.3f} by luck alone)" in words
    without = {key: value for key, value in block.items() if key != "test"}
    assert "test pages" not in error_in_words(without)


def test_a_target_out_of_reach_sends_every_page_to_a_person() -> None:
    none = {"answered": 0.0, "precision": None, "pages": 9}
    record = {"precision": 0.99, "certainty": 0.9, "given": False, "threshold": 1.1, "validation": none, "test": none}
    assert "a person has to look at every page" in abstention_in_words(record)
    assert "every page" in abstention_in_words({**record, "test": None})


def test_pages_to_look_at_are_counted_by_reason() -> None:
    reasons = [
        "unreadable: the file is empty; answered with the most frequent class",
        "confidence 0.3 below 0.4; unlike the training pages: more novel than 99.9% of them",
        "unlike the training pages: more novel than 99.9% of them",
    ]
    words = review_in_words(pd.DataFrame({"reason": reasons}), 30, 2)
    assert words.startswith("3 of 30 test pages (10.0%)")
    assert "1 could not be read, 1 were answered with too little confidence, 1 are sure but unlike" in words
    assert words.endswith("The 2 least certain:")
    assert review_in_words(pd.DataFrame({"reason": []}), 0, 2).startswith("0 of 0 test pages (0.0%)")
