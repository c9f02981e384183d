"""Which test pages a person should look at: those that could not be read, and those the ensemble is unsure of."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError

NEEDS_REVIEW = ("image_id", "target", "class_name", "confidence", "reason")
"""target, class_name: what the submission says; confidence 0 for an image that could not be read."""

JUDGED_VIEW = "test_like"


@dataclass(frozen=True)
class ReviewThreshold:
    """Pages of a confidence below `threshold` need review.

    precision, coverage: share of right answers among, and share of, the validation pages that are not below it; NaN
    and 0 where all are below.
    """

    threshold: float
    precision: float
    coverage: float


def review_threshold(oof_votes: pd.DataFrame, parameters: EnsemblingParameters) -> ReviewThreshold:
    """The threshold given, or the lowest that reaches the wanted precision on test-like validation pages.

    oof_votes: VOTES of `votes.vote_out_of_fold`. Out of fold one model speaks, on test pages the mean of all folds,
    whose confidence is a little lower for the same precision: the review list errs on the long side.
    """
    seen = oof_votes[oof_votes["view"] == JUDGED_VIEW]
    if seen.empty:
        raise InputError(f"Expected validation votes of the view {JUDGED_VIEW}, but there are none; train first.")
    right = (seen["predicted"] == seen["label"]).to_numpy(bool)
    confidence = seen["confidence"].to_numpy(float)
    given = parameters.review_threshold
    threshold = lowest_threshold(confidence, right, parameters.review_precision) if given is None else given
    answered = confidence >= threshold
    precision = float(right[answered].mean()) if answered.any() else float("nan")
    return ReviewThreshold(threshold, precision, float(answered.mean()))


def lowest_threshold(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The lowest confidence such that the pages at or above it are right at least this often.

    0 where all pages are right often enough; the number just above the highest confidence where no choice is.
    """
    if right.mean() >= precision:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    descending = confidence[order]
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Pages of equal confidence are answered together or not at all.
    last_of_equals = np.append(descending[1:] < descending[:-1], True)
    reached = np.flatnonzero((share >= precision) & last_of_equals)
    if not len(reached):
        return float(np.nextafter(descending[0], np.inf))
    return float(descending[reached[-1]])


def list_needs_review(
    votes: pd.DataFrame,
    rejected_images: pd.DataFrame,
    submission: pd.DataFrame,
    classes: pd.DataFrame,
    threshold: float,
) -> pd.DataFrame:
    """Columns NEEDS_REVIEW, the least certain first, images that could not be read before all others.

    votes: VOTES of the test images; rejected_images: with split and reason.
    """
    unreadable = rejected_images[rejected_images["split"] == "test"]
    reasons = [f"unreadable: {reason}; answered with the most frequent class" for reason in unreadable["reason"]]
    unsure = votes[votes["confidence"] < threshold]
    rows = pd.DataFrame(
        {
            "image_id": [*unreadable["image_id"], *unsure["image_id"]],
            "confidence": [0.0] * len(unreadable) + unsure["confidence"].tolist(),
            "reason": reasons + [f"confidence {value:.3f} below {threshold:.3f}" for value in unsure["confidence"]],
        }
    )
    answers = dict(zip(submission["ID"], submission["target"], strict=True))
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    rows["target"] = pd.array([answers[image_id] for image_id in rows["image_id"]], dtype="int64")
    rows["class_name"] = pd.Series([names[target] for target in rows["target"]], dtype=object)
    return rows.sort_values(["confidence", "image_id"], ignore_index=True)[list(NEEDS_REVIEW)]
