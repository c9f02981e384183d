"""Which test pages a person should look at: those that could not be read, those the ensemble is unsure of, and those
that are like nothing it has learnt.
"""

import pandas as pd

from docsort.errors import InputError, listing
from docsort.tables import check_columns

NEEDS_REVIEW = ("image_id", "target", "class_name", "confidence", "reason")
"""target, class_name: what the submission says; confidence 0 for an image that could not be read."""

PAGE_ODDITY = ("image_id", "oddity")
"""One row a readable test image; oddity: share of held-out training pages that are less odd, in [0, 1]."""


def list_needs_review(
    votes: pd.DataFrame,
    rejected_images: pd.DataFrame,
    submission: pd.DataFrame,
    classes: pd.DataFrame,
    threshold: float,
    page_oddity: pd.DataFrame | None = None,
    odd_above: float = 1.0,
) -> pd.DataFrame:
    """Columns NEEDS_REVIEW, the least certain first, images that could not be read before all others.

    votes: VOTES of the test images; rejected_images: with split and reason; threshold: of the confidence;
    page_oddity: PAGE_ODDITY, or None where oddity was not measured; odd_above: a page of a higher oddity is listed.
    """
    unreadable = rejected_images[rejected_images["split"] == "test"]
    reasons = [f"unreadable: {reason}; answered with the most frequent class" for reason in unreadable["reason"]]
    doubts = _doubts(votes, threshold, _oddity_of(votes, page_oddity), odd_above)
    doubted = votes[doubts != ""]
    rows = pd.DataFrame(
        {
            "image_id": [*unreadable["image_id"], *doubted["image_id"]],
            "confidence": [0.0] * len(unreadable) + doubted["confidence"].tolist(),
            "reason": reasons + doubts[doubts != ""].tolist(),
        }
    )
    answers = dict(zip(submission["ID"], submission["target"], strict=True))
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    rows["target"] = pd.array([answers[image_id] for image_id in rows["image_id"]], dtype="int64")
    rows["class_name"] = pd.Series([names[target] for target in rows["target"]], dtype=object)
    return rows.sort_values(["confidence", "image_id"], ignore_index=True)[list(NEEDS_REVIEW)]


def _doubts(votes: pd.DataFrame, threshold: float, oddity: pd.Series, odd_above: float) -> pd.Series:
    """Why each page should be looked at, in words; empty where it need not."""
    words = []
    for confidence, odd in zip(votes["confidence"].astype(float), oddity, strict=True):
        unsure = [f"confidence {confidence:.3f} below {threshold:.3f}"] if confidence < threshold else []
        strange = [f"unlike the training pages: odder than {odd:.1%} of them"] if odd > odd_above else []
        words.append("; ".join(unsure + strange))
    return pd.Series(words, index=votes.index, dtype=object)


def _oddity_of(votes: pd.DataFrame, page_oddity: pd.DataFrame | None) -> pd.Series:
    """The oddity of each page, 0 for all where it was not measured."""
    if page_oddity is None:
        return pd.Series(0.0, index=votes.index)
    check_columns(page_oddity, PAGE_ODDITY, "page_oddity")
    known = dict(zip(page_oddity["image_id"].astype(str), page_oddity["oddity"].astype(float), strict=True))
    missing = sorted(set(votes["image_id"].astype(str)) - set(known))
    if missing:
        raise InputError(
            f"Expected the oddity of every readable test image, but {len(missing)} have none: {listing(missing)}; "
            "run the pipeline that measures it again."
        )
    return votes["image_id"].astype(str).map(known).astype(float)
