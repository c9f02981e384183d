"""The review list: every page that the ensemble doubts or that could not be read, and nothing else."""

import pandas as pd
import pytest

from docsort.ensembling.review_list import NEEDS_REVIEW, list_needs_review

CLASSES = pd.DataFrame({"target": [3, 4], "class_name": ["resume", "passport"]})
REJECTED = pd.DataFrame({"image_id": ["x", "t"], "split": ["test", "train"], "reason": ["the file is empty"] * 2})


@pytest.fixture
def answers() -> pd.DataFrame:
    doubts = ["confidence 0.410 below 0.600", "", "confidence 0.100 below 0.600", ""]
    table = pd.DataFrame({"image_id": ["a", "b", "c", "d"], "confidence": [0.41, 0.6, 0.1, 0.99], "why": doubts})
    return table.assign(needs_review=table["why"] != "")


@pytest.fixture
def submission() -> pd.DataFrame:
    return pd.DataFrame({"ID": ["a", "b", "c", "d", "x"], "target": [3, 4, 3, 4, 4]})


def test_unreadable_pages_come_first_and_doubted_ones_by_confidence(
    answers: pd.DataFrame, submission: pd.DataFrame
) -> None:
    table = list_needs_review(answers, REJECTED, submission, CLASSES)
    assert tuple(table.columns) == NEEDS_REVIEW
    assert table["image_id"].tolist() == ["x", "c", "a"]
    assert table["class_name"].tolist() == ["passport", "resume", "resume"]
    assert table["reason"].tolist() == [
        "unreadable: the file is empty; answered with the most frequent class",
        "confidence 0.100 below 0.600",
        "confidence 0.410 below 0.600",
    ]
    assert table["confidence"].tolist() == [0.0, 0.1, 0.41]


def test_a_page_is_listed_because_the_ensemble_doubts_it_and_not_for_its_confidence(
    answers: pd.DataFrame, submission: pd.DataFrame
) -> None:
    strange = "unlike the training pages: more novel than 99.9% of them"
    novel = answers.assign(needs_review=[False, False, False, True], why=["", "", "", strange])
    table = list_needs_review(novel, REJECTED.iloc[1:], submission, CLASSES)
    assert table[["image_id", "reason"]].to_numpy().tolist() == [["d", strange]]


def test_where_nothing_is_doubted_nothing_is_listed(answers: pd.DataFrame, submission: pd.DataFrame) -> None:
    sure = answers.assign(needs_review=False, why="")
    assert list_needs_review(sure, REJECTED.iloc[1:], submission, CLASSES).empty
    none = list_needs_review(answers.iloc[:0], REJECTED.iloc[:0], submission.iloc[:0], CLASSES)
    assert none.empty
    assert tuple(none.columns) == NEEDS_REVIEW
