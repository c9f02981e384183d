"""The review list: everything below the threshold and nothing else, and a threshold that keeps its promise."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review import NEEDS_REVIEW, list_needs_review, lowest_threshold, review_threshold
from docsort.errors import InputError


def draw_answers(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.random(count).round(2)
    return confidence, rng.random(count) < confidence


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("precision", [0.6, 0.8, 0.9])
def test_the_threshold_is_the_lowest_that_keeps_the_promise(seed: int, precision: float) -> None:
    confidence, right = draw_answers(seed)
    threshold = lowest_threshold(confidence, right, precision)
    assert right[confidence >= threshold].mean() >= precision
    lower = np.unique(confidence[confidence < threshold])
    assert all(right[confidence >= value].mean() < precision for value in lower)


def test_a_promise_kept_by_all_pages_needs_no_review_and_one_kept_by_none_reviews_all() -> None:
    confidence = np.array([0.2, 0.9, 0.5])
    assert lowest_threshold(confidence, np.ones(3, dtype=bool), 1.0) == 0.0
    assert (confidence < lowest_threshold(confidence, np.zeros(3, dtype=bool), 0.5)).all()


def votes_table(confidence: np.ndarray, right: np.ndarray, view: str) -> pd.DataFrame:
    return pd.DataFrame({"view": view, "label": 1, "predicted": np.where(right, 1, 0), "confidence": confidence})


def test_the_test_like_view_alone_decides() -> None:
    confidence, right = draw_answers(0)
    both = pd.concat(
        [votes_table(confidence, right, "test_like"), votes_table(confidence, np.ones(400, dtype=bool), "clean")]
    )
    found = review_threshold(both, EnsemblingParameters(review_precision=0.9))
    assert found.threshold == lowest_threshold(confidence, right, 0.9)
    assert found.precision == right[confidence >= found.threshold].mean() >= 0.9
    assert found.coverage == (confidence >= found.threshold).mean()
    with pytest.raises(InputError, match="view test_like"):
        review_threshold(both[both["view"] == "clean"], EnsemblingParameters())


def test_a_given_threshold_is_taken_as_it_is() -> None:
    confidence, right = draw_answers(1)
    votes = votes_table(confidence, right, "test_like")
    assert review_threshold(votes, EnsemblingParameters(review_threshold=0.6)).threshold == 0.6
    hopeless = review_threshold(votes.assign(predicted=0), EnsemblingParameters(review_precision=0.5))
    assert np.isnan(hopeless.precision)
    assert hopeless.coverage == 0.0


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
