"""Which test pages a person should look at: those that could not be read, those the ensemble is unsure of, and those
that are like nothing it has learnt. The reason is the ensemble's own.
"""

import pandas as pd

NEEDS_REVIEW = ("image_id", "target", "class_name", "confidence", "reason")
"""target, class_name: what the submission answers; confidence 0 for an image that could not be read."""


def list_needs_review(
    answers: pd.DataFrame, rejected_images: pd.DataFrame, submission: pd.DataFrame, classes: pd.DataFrame
) -> pd.DataFrame:
    """Columns NEEDS_REVIEW, the least certain first, images that could not be read before all others.

    answers: ANSWERS of the test images; rejected_images: with split and reason.
    """
    unreadable = rejected_images[rejected_images["split"] == "test"]
    reasons = [f"unreadable: {reason}; answered with the most frequent class" for reason in unreadable["reason"]]
    doubted = answers[answers["needs_review"].astype(bool)]
    rows = pd.DataFrame(
        {
            "image_id": [*unreadable["image_id"], *doubted["image_id"]],
            "confidence": [0.0] * len(unreadable) + doubted["confidence"].tolist(),
            "reason": reasons + doubted["why"].tolist(),
        }
    )
    targets = dict(zip(submission["ID"], submission["target"], strict=True))
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    rows["target"] = pd.array([targets[image_id] for image_id in rows["image_id"]], dtype="int64")
    rows["class_name"] = pd.Series([names[target] for target in rows["target"]], dtype=object)
    return rows.sort_values(["confidence", "image_id"], ignore_index=True)[list(NEEDS_REVIEW)]
