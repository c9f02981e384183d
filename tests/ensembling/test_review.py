"""The review list: everything below the threshold, everything odd, and nothing else."""

import pandas as pd
import pytest

from docsort.ensembling.review import NEEDS_REVIEW, list_needs_review
from docsort.errors import InputError


def test_unreadable_pages_come_first_and_unsure_ones_by_confidence() -> None:
    votes = pd.DataFrame({"image_id": ["a", "b", "c", "d"], "confidence": [0.41, 0.6, 0.1, 0.99]})
    rejected = pd.DataFrame({"image_id": ["x", "t"], "split": ["test", "train"], "reason": ["the file is empty"] * 2})
    submission = pd.DataFrame({"ID": ["a", "b", "c", "d", "x"], "target": [3, 4, 3, 4, 4]})
    classes = pd.DataFrame({"target": [3, 4], "class_name": ["resume", "passport"]})
    table = list_needs_review(votes, rejected, submission, classes, 0.6)
    assert tuple(table.columns) == NEEDS_REVIEW
    assert table["image_id"].tolist() == ["x", "c", "a"]
    assert table["class_name"].tolist() == ["passport", "resume", "resume"]
    assert table["reason"].tolist() == [
        "unreadable: the file is empty; answered with the most frequent class",
        "confidence 0.100 below 0.600",
        "confidence 0.410 below 0.600",
    ]
    assert table["confidence"].is_monotonic_increasing
    assert list_needs_review(votes, rejected.iloc[1:], submission, classes, 0.0).empty
    assert list_needs_review(votes.iloc[:0], rejected.iloc[:0], submission.iloc[:0], classes, 0.6).empty


def test_odd_pages_are_listed_however_sure_and_a_page_may_be_both() -> None:
    votes = pd.DataFrame({"image_id": ["a", "b", "c", "d"], "confidence": [0.97, 0.98, 0.3, 0.4]})
    rejected = pd.DataFrame({"image_id": [], "split": [], "reason": []}, dtype="string")
    submission = pd.DataFrame({"ID": ["a", "b", "c", "d"], "target": 3})
    classes = pd.DataFrame({"target": [3], "class_name": ["resume"]})
    oddity = pd.DataFrame({"image_id": ["d", "c", "b", "a"], "oddity": [0.995, 0.999, 0.5, 1.0]})
    table = list_needs_review(votes, rejected, submission, classes, 0.35, oddity, 0.995)
    assert table["image_id"].tolist() == ["c", "a"]
    assert table["reason"].tolist() == [
        "confidence 0.300 below 0.350; unlike the training pages: odder than 99.9% of them",
        "unlike the training pages: odder than 100.0% of them",
    ]
    with pytest.raises(InputError, match="1 have none: d"):
        list_needs_review(votes, rejected, submission, classes, 0.35, oddity.iloc[1:], 0.995)
    with pytest.raises(InputError, match="oddity is missing"):
        list_needs_review(votes, rejected, submission, classes, 0.35, oddity.drop(columns="oddity"), 0.995)
