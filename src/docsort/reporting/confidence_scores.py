"""Scores of calibration, and of abstention: were pages answered without a person right as often as forecast?

Out of fold as the ensembling reports it, and, where there is an answer key, on the test images: the part of
`scores.json` that is about knowing when not to answer, and the tables that its figures are drawn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.abstention import risk_coverage, share_answered
from docsort.ensembling.reliability import (
    RELIABILITY,
    Floats,
    certain_truth,
    chance_right,
    reliability_bins,
    reliability_scores,
)
from docsort.reporting.answer_key import true_labels
from docsort.reporting.scores import Scores

RELIABILITY_TABLE = ("condition", "stage", *RELIABILITY)
"""condition: test_like (out of fold), test; stage: before or after calibration; one row per bin, 15 of equal width."""

RISK_COVERAGE = ("curve", "threshold", "coverage", "precision")
"""curve: validation (one model per page, out of fold), expected (test images, by confidence) or test (by the key);
coverage: share of pages with a confidence of at least the threshold; precision: share of right answers among these."""

COMPARED = "test_like"


@dataclass(frozen=True)
class Confidences:
    """VOTES before and after calibration: of validation pages, and of test images, empty where there are none; truth
    (N, C): what the validation pages are believed to be, row by row."""

    oof_before: pd.DataFrame
    oof_after: pd.DataFrame
    test_before: pd.DataFrame
    test_after: pd.DataFrame
    truth: Floats


def score_confidences(
    votes: Confidences,
    calibration: Mapping[str, Any],
    abstention: Mapping[str, Any],
    answer_key: pd.DataFrame | None,
    seed: int,
) -> tuple[Scores, pd.DataFrame, pd.DataFrame]:
    """The blocks `calibration` and `review` of the scores, RELIABILITY_TABLE and RISK_COVERAGE.

    calibration, abstention: records of the ensembling. With an answer key (columns ID, target) each block has what is
    true of the readable test images: `calibration.test.before`, `.after`, and `right` beside each forecast `precision`.
    """
    before, after = (own[own["condition"] == COMPARED] for own in (votes.oof_before, votes.oof_after))
    believed = votes.truth[(votes.oof_after["condition"] == COMPARED).to_numpy()]
    stages = {(COMPARED, stage): _judged(own, believed) for stage, own in (("before", before), ("after", after))}
    reported: Scores = {"method": calibration["method"], "validation": calibration["validation"]}
    if answer_key is not None and len(votes.test_after):
        tests = {"before": _with_labels(votes.test_before, answer_key)}
        tests["after"] = _with_labels(votes.test_after, answer_key)
        stages |= {("test", stage): _judged(own, certain_truth(own)) for stage, own in tests.items()}
        reported["test"] = {stage: reliability_scores(own, seed) for stage, own in tests.items()}
    known = stages.get(("test", "after"))
    curves = _curves(stages[COMPARED, "after"], votes.test_after, known)
    return {"calibration": reported, "review": _review(abstention, known)}, _bins(stages), curves


def _judged(votes: pd.DataFrame, truth: Floats) -> pd.DataFrame:
    """Columns confidence, and right: how likely the answer is, in [0, 1]."""
    return pd.DataFrame({"confidence": votes["confidence"].astype(np.float64), "right": chance_right(votes, truth)})


def _review(abstention: Mapping[str, Any], known: pd.DataFrame | None) -> Scores:
    """The record, with the true precision as `right` in each `test` block where labels are known."""
    targets = [_with_truth(row, known) for row in abstention["targets"]]
    return {**_with_truth(abstention, known), "targets": targets}


def _with_truth(row: Mapping[str, Any], known: pd.DataFrame | None) -> Scores:
    if known is None or row["test"] is None:
        return dict(row)
    answered = (known["confidence"] >= row["threshold"]).to_numpy()
    right = share_answered(answered, known["right"].to_numpy())["precision"]
    return {**row, "test": {**row["test"], "right": right}}


def _bins(stages: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    parts = [
        reliability_bins(own["confidence"].to_numpy(), own["right"].to_numpy()).assign(condition=condition, stage=stage)
        for (condition, stage), own in stages.items()
    ]
    return pd.concat(parts, ignore_index=True)[list(RELIABILITY_TABLE)]


def _curves(oof: pd.DataFrame, test: pd.DataFrame, known: pd.DataFrame | None) -> pd.DataFrame:
    confidence = test["confidence"].astype(np.float64)
    sources = {"validation": oof}
    if len(test):
        sources["expected"] = pd.DataFrame({"confidence": confidence, "right": confidence})
    if known is not None:
        sources["test"] = known
    parts = [
        risk_coverage(own["confidence"].to_numpy(), own["right"].to_numpy()).assign(curve=curve)
        for curve, own in sources.items()
    ]
    return pd.concat(parts, ignore_index=True)[list(RISK_COVERAGE)]


def _with_labels(votes: pd.DataFrame, answer_key: pd.DataFrame) -> pd.DataFrame:
    return votes.assign(label=true_labels(votes["image_id"], answer_key))
