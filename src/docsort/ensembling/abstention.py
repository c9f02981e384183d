"""When not to answer: the confidence below which a page is left to a person, for a share of right answers one wants.

The threshold is chosen on test-like pages out of fold, on calibrated confidences. Choosing the lowest that was right
often enough there keeps the promise on other pages one time in two: the choice profits from luck. Asking for an exact
lower bound of the share keeps it, but wants hundreds of pages without a mistake before it answers any. So both what was
seen and what the confidences say count: the calibrated confidences are taken for as many pages as one mistake is
allowed among (100 for 99 %), the pages seen are added, near-duplicates as one, and of the beta distribution of the
precision that follows, the lower quantile must reach what is wanted. Pages that are wrong more often than their
confidence says raise the threshold soon; a few sure pages without a mistake are enough where confidences are good.

Right is what a page is believed to be, not what its label says: where one label in twenty is wrong, no answer would be
right for 95 % of the labels.

What is reported of it is nested: each fold's pages are answered by the threshold chosen on the others.

Legend of shapes: N pages.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reliability import Floats, chance_right
from docsort.gates import cross_fit
from docsort.tables import JUDGED_CONDITION, judged

TARGETS = (0.8, 0.9, 0.95, 0.98, 0.99)
"""Precisions that the report compares beside the one asked for."""

NONE_ANSWERED = float(np.nextafter(1.0, 2.0))
"""The threshold that no confidence reaches."""


@dataclass(frozen=True)
class Answers:
    """Pages: confidence (N,) in [0, 1], right (N,), how likely the answer is right, in [0, 1], groups (N,) of
    near-duplicates, fold (N,)."""

    confidence: Floats
    right: Floats
    groups: NDArray[np.int64]
    fold: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "Answers":
        return Answers(self.confidence[chosen], self.right[chosen], self.groups[chosen], self.fold[chosen])


def judge_abstention(
    oof_votes: pd.DataFrame, test_votes: pd.DataFrame, truth: Floats, parameters: EnsemblingParameters
) -> dict[str, Any]:
    """What is answered and what is left to a person; JSON-able.

    `threshold`, chosen for `precision` with `certainty` or `given`; `validation`, nested: share `answered`, `precision`
    of these, `pages` in all; `test` the same of the test pages, the precision being what the confidences expect, `none`
    without test images; `targets`, the same for TARGETS. A precision of no page is None.

    oof_votes: calibrated VOTES and `fold`; test_votes: calibrated VOTES; truth (N, C): what the pages of `oof_votes`
    are believed to be, row by row.
    """
    answers = answers_of(oof_votes, truth)
    certainty, given = parameters.review_certainty, parameters.review_threshold
    targets = sorted({*TARGETS, parameters.review_precision})
    rows = {target: _row(answers, test_votes, target, certainty, None) for target in targets}
    chosen = rows[parameters.review_precision]
    if given is not None:
        chosen = _row(answers, test_votes, parameters.review_precision, certainty, given)
    return {**chosen, "certainty": certainty, "given": given is not None, "targets": list(rows.values())}


def answers_of(oof_votes: pd.DataFrame, truth: Floats) -> Answers:
    """Of the test-like pages. Raises InputError where there are none."""
    seen = judged(oof_votes, "validation votes")
    right = chance_right(oof_votes, truth)[(oof_votes["condition"] == JUDGED_CONDITION).to_numpy()]
    groups = np.unique(seen["group"].astype(str), return_inverse=True)[1].astype(np.int64)
    return Answers(seen["confidence"].to_numpy(np.float64), right, groups, seen["fold"].to_numpy(np.int64))


def choose_threshold(answers: Answers, precision: float, certainty: float) -> float:
    """The lowest confidence such that the pages at or above it are right `precision` of the time, as surely as
    `certainty`; 0 where all pages are, NONE_ANSWERED where none are.
    """
    order = np.argsort(-answers.confidence, kind="stable")
    descending = answers.confidence[order]
    # Pages of equal confidence are answered together or not at all.
    last_of_equals = np.append(descending[1:] < descending[:-1], True)
    reached = np.flatnonzero((assured_precision(answers, precision, certainty) >= precision) & last_of_equals)
    if not len(reached):
        return NONE_ANSWERED
    return 0.0 if reached[-1] == len(order) - 1 else float(descending[reached[-1]])


def assured_precision(answers: Answers, precision: float, certainty: float) -> Floats:
    """(N,) lower bound of the precision of the first n pages in descending order of confidence, n from 1."""
    from scipy.stats import beta

    order = np.argsort(-answers.confidence, kind="stable")
    count = np.arange(1, len(order) + 1)
    expected = np.cumsum(answers.confidence[order]) / count
    seen = np.cumsum(answers.right[order]) / count
    firsts = np.zeros(len(order))
    firsts[np.unique(answers.groups[order], return_index=True)[1]] = 1
    independent, weight = np.cumsum(firsts), 1 / max(1 - precision, 1e-3)
    hits = weight * expected + independent * seen
    misses = weight * (1 - expected) + independent * (1 - seen)
    return np.asarray(beta.ppf(1 - certainty, np.maximum(hits, 1e-9), np.maximum(misses, 1e-9)))


def risk_coverage(confidence: Floats, right: Floats, points: int = 200) -> pd.DataFrame:
    """Columns threshold, coverage (share of pages at or above it) and precision (mean of `right` among these), for at
    most `points` thresholds from the highest. right (N,): 1 or 0, or the expectation of it.
    """
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    last = np.flatnonzero(np.append(descending[1:] < descending[:-1], True)) if len(order) else np.array([], dtype=int)
    if len(last) > points:
        last = last[np.unique(np.linspace(0, len(last) - 1, points).round().astype(int))]
    shares = np.cumsum(right[order])[last] / (last + 1)
    return pd.DataFrame(
        {"threshold": descending[last], "coverage": (last + 1) / max(len(order), 1), "precision": shares}
    )


def _row(
    answers: Answers, test_votes: pd.DataFrame, precision: float, certainty: float, given: float | None
) -> dict[str, Any]:
    found = cross_fit(
        answers.fold,
        lambda rows: choose_threshold(answers.where(rows), precision, certainty) if given is None else given,
        lambda threshold, rows: answers.confidence[rows] >= threshold,
    )
    confidence = test_votes["confidence"].to_numpy(np.float64)
    return {
        "precision": precision,
        "threshold": found.fitted,
        "validation": share_answered(found.nested, answers.right),
        "test": share_answered(confidence >= found.fitted, confidence) if len(confidence) else None,
    }


def share_answered(answered: NDArray[np.bool_], right: Floats) -> dict[str, Any]:
    """`answered`, share of pages; `precision`, mean of `right` among these, None where none is; `pages` in all."""
    return {
        "answered": float(answered.mean()),
        "precision": float(right[answered].mean()) if answered.any() else None,
        "pages": len(answered),
    }
