"""What is told of confidences is what the votes show, and the truth stands beside it only where there is a key."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from confidences import Run

from docsort.ensembling.reliability import calibration_error
from docsort.reporting.confidence_scores import RELIABILITY_TABLE, RISK_COVERAGE, score_confidences


def test_with_a_key_the_truth_stands_beside_what_was_told(confidence_run: Run) -> None:
    votes, key = confidence_run.votes, confidence_run.answer_key
    scores, _, _ = score_confidences(votes, confidence_run.calibration, confidence_run.abstention, key, 0)
    truth = dict(zip(key["ID"], key["target"], strict=True))
    right = (votes.test_after["predicted"] == votes.test_after["image_id"].map(truth)).to_numpy()
    confidence = votes.test_after["confidence"].to_numpy()
    assert scores["calibration"]["test"]["after"]["ece"] == calibration_error(confidence, right)
    assert scores["calibration"]["test"]["before"]["ece"] != scores["calibration"]["test"]["after"]["ece"]
    assert scores["calibration"]["validation"] == confidence_run.calibration["validation"]
    for row in (scores["review"], *scores["review"]["targets"]):
        chosen = confidence >= row["threshold"]
        assert row["test"]["answered"] == chosen.mean()
        assert row["test"]["right"] == (pytest.approx(right[chosen].mean()) if chosen.any() else None)
    assert json.loads(json.dumps(scores)) == scores


def test_without_a_key_nothing_is_said_of_the_truth(confidence_run: Run) -> None:
    run = confidence_run
    scores, bins, curves = score_confidences(run.votes, run.calibration, run.abstention, None, 0)
    assert "test" not in scores["calibration"]
    assert scores["review"] == run.abstention
    assert set(bins["condition"]) == {"test_like"}
    assert set(curves["curve"]) == {"validation", "expected"}


def test_without_test_images_there_is_validation_alone(confidence_run: Run) -> None:
    run = confidence_run
    empty = run.without_test_images()
    scores, bins, curves = score_confidences(empty.votes, empty.calibration, empty.abstention, run.answer_key, 0)
    assert "test" not in scores["calibration"]
    assert scores["review"]["test"] is None
    assert set(bins["condition"]) == {"test_like"}
    assert set(curves["curve"]) == {"validation"}


def test_bins_hold_every_page_and_curves_end_at_all_pages(confidence_run: Run) -> None:
    run = confidence_run
    _, bins, curves = score_confidences(run.votes, run.calibration, run.abstention, run.answer_key, 0)
    assert (tuple(bins.columns), tuple(curves.columns)) == (RELIABILITY_TABLE, RISK_COVERAGE)
    counts = bins.groupby(["condition", "stage"])["pages"].sum()
    seen = run.votes.oof_after["condition"] == "test_like"
    assert counts["test_like"].tolist() == [seen.sum()] * 2
    assert counts["test"].tolist() == [len(run.votes.test_after)] * 2
    lasts = curves.groupby("curve").last()
    assert lasts["coverage"].tolist() == [1.0] * 3
    own = run.votes.oof_after[seen]
    assert lasts.loc["validation", "precision"] == pytest.approx((own["label"] == own["predicted"]).mean())
    assert lasts.loc["expected", "precision"] == pytest.approx(run.votes.test_after["confidence"].mean())


def test_the_clean_view_says_nothing_about_confidences(confidence_run: Run) -> None:
    run = confidence_run
    clean = run.votes.oof_after["condition"] == "clean"
    other = run.votes.oof_after.assign(confidence=np.where(clean, 0.01, run.votes.oof_after["confidence"]))
    changed = replace(run.votes, oof_after=other)
    for one, two in zip(
        score_confidences(run.votes, run.calibration, run.abstention, None, 0),
        score_confidences(changed, run.calibration, run.abstention, None, 0),
        strict=True,
    ):
        assert one.equals(two) if isinstance(one, pd.DataFrame) else one == two
