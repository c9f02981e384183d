"""The threshold keeps its promise on pages it was not chosen on, and says when it can make none."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.abstention import (
    NONE_ANSWERED,
    Answers,
    assured_precision,
    choose_threshold,
    judge_abstention,
    risk_coverage,
)
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError


def draw_confidence(count: int, rng: np.random.Generator) -> np.ndarray:
    """Most pages are sure, some are not."""
    return np.where(rng.random(count) < 0.8, rng.beta(60, 0.6, count), rng.beta(4, 2, count))


def draw_answers(seed: int, count: int = 600, copies: int = 1, mistakes: float = 1.0) -> Answers:
    """Pages in groups of so many copies; mistakes: how many times as many as the confidences say."""
    rng = np.random.default_rng(seed)
    confidence = np.repeat(draw_confidence(count // copies, rng), copies)
    right = np.repeat(rng.random(count // copies) >= mistakes * (1 - confidence[::copies]), copies)
    groups = np.repeat(np.arange(count // copies), copies)
    return Answers(confidence, right, groups, groups % 5)


@pytest.mark.parametrize("mistakes", [0.6, 1.0, 1.5])
@pytest.mark.parametrize("precision", [0.95, 0.99])
def test_the_promise_is_kept_on_other_pages_about_as_often_as_it_is_certain(precision: float, mistakes: float) -> None:
    others = draw_confidence(100_000, np.random.default_rng(99))
    kept, answered = [], []
    for seed in range(40):
        threshold = choose_threshold(draw_answers(seed, mistakes=mistakes), precision, certainty=0.9)
        own = others[others >= threshold]
        kept.append(not len(own) or 1 - mistakes * (1 - own).mean() >= precision - 0.001)
        answered.append(len(own) / len(others))
    assert np.mean(kept) >= 0.8
    assert np.mean(answered) > 0.5


def test_the_lowest_share_that_was_right_often_enough_would_break_the_promise_half_the_time() -> None:
    """Why there is a margin: the plain choice, on the same pages."""
    others, kept = draw_confidence(100_000, np.random.default_rng(99)), []
    for seed in range(40):
        curve = risk_coverage(*(getattr(draw_answers(seed), name) for name in ("confidence", "right")), points=10_000)
        threshold = curve.loc[curve["precision"] >= 0.99, "threshold"].min()
        kept.append(others[others >= threshold].mean() >= 0.99 - 0.001)
    assert np.mean(kept) < 0.7


def test_a_threshold_is_lowest_and_pages_of_equal_confidence_stay_together() -> None:
    answers = draw_answers(0)
    coarse = Answers(answers.confidence.round(2), answers.right, answers.groups, answers.fold)
    threshold = choose_threshold(coarse, 0.95, 0.9)
    assert threshold in coarse.confidence
    bounds = assured_precision(coarse, 0.95, 0.9)
    descending = np.sort(coarse.confidence)[::-1]
    assert bounds[(descending >= threshold).sum() - 1] >= 0.95
    for lower in np.unique(coarse.confidence[coarse.confidence < threshold]):
        assert bounds[(descending >= lower).sum() - 1] < 0.95


def test_more_certainty_and_more_precision_answer_no_more() -> None:
    answers = draw_answers(3)
    by_certainty = [choose_threshold(answers, 0.95, certainty) for certainty in (0.6, 0.8, 0.95)]
    by_precision = [choose_threshold(answers, precision, 0.9) for precision in (0.8, 0.9, 0.95, 0.99)]
    assert by_certainty == sorted(by_certainty)
    assert by_precision == sorted(by_precision)


def test_copies_of_a_page_assure_nothing() -> None:
    assert (assured_precision(draw_answers(0, 60), 0.95, 0.9) >= 0.95).any()
    many = assured_precision(draw_answers(0, 60 * 20, copies=20), 0.95, 0.9)[19::20]
    assert many == pytest.approx(assured_precision(draw_answers(0, 60), 0.95, 0.9))


def test_pages_all_right_are_all_answered_and_pages_all_wrong_none() -> None:
    confidence, fold = np.full(500, 0.99), np.arange(500) % 5
    assert choose_threshold(Answers(confidence, np.ones(500, dtype=bool), np.arange(500), fold), 0.95, 0.9) == 0.0
    none = Answers(confidence, np.zeros(500, dtype=bool), np.arange(500), fold)
    assert choose_threshold(none, 0.95, 0.9) == NONE_ANSWERED > 1


def votes_of(answers: Answers, condition: str = "test_like") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "condition": condition,
            "group": [f"g{group}" for group in answers.groups],
            "fold": answers.fold,
            "predicted": np.where(answers.right, 1, 0),
            "confidence": answers.confidence,
            "p_0": 0.5,
            "p_1": 0.5,
        }
    )


def judge(
    votes: pd.DataFrame, test: pd.DataFrame, parameters: EnsemblingParameters, second: float | np.ndarray = 1.0
) -> dict[str, Any]:
    """second: how likely a page is of class 1; else it is of class 0."""
    chance = np.broadcast_to(second, len(votes))
    return judge_abstention(votes, test, np.stack([1 - chance, chance], axis=1), parameters)


def test_what_is_told_is_nested_and_the_test_like_view_alone_decides() -> None:
    answers = draw_answers(0)
    votes = pd.concat([votes_of(answers), votes_of(draw_answers(1, mistakes=5), "clean")], ignore_index=True)
    test = pd.DataFrame({"confidence": draw_confidence(900, np.random.default_rng(5))})
    found = judge(votes, test, EnsemblingParameters(review_precision=0.96))
    assert found["threshold"] == choose_threshold(answers, 0.96, 0.9)
    answered = np.zeros(600, dtype=bool)
    for fold in range(5):
        own = answers.fold == fold
        answered[own] = answers.confidence[own] >= choose_threshold(answers.where(~own), 0.96, 0.9)
    assert answered.mean() != (answers.confidence >= found["threshold"]).mean()
    assert found["validation"]["answered"] == answered.mean()
    assert found["validation"]["precision"] == answers.right[answered].mean()
    sure = test["confidence"][test["confidence"] >= found["threshold"]]
    assert found["test"] == {"answered": len(sure) / 900, "precision": pytest.approx(sure.mean()), "pages": 900}
    assert [row["precision"] for row in found["targets"]] == [0.8, 0.9, 0.95, 0.96, 0.98, 0.99]
    assert json.loads(json.dumps(found)) == found
    with pytest.raises(InputError, match="condition test_like"):
        judge(votes[votes["condition"] == "clean"], test, EnsemblingParameters())


def test_wrong_labels_that_are_known_of_keep_no_page_from_being_answered() -> None:
    """One label in fifteen is wrong: by labels nothing is right often enough, by what is believed of them most is."""
    answers = draw_answers(0)
    wrong = np.random.default_rng(1).random(600) < 1 / 15
    votes, parameters = votes_of(answers), EnsemblingParameters(review_precision=0.95)
    by_labels = judge(votes, votes, parameters, np.where(wrong, 0.0, 1.0))
    believed = judge(votes, votes, parameters, np.where(wrong, 0.9, 0.995))
    assert by_labels["validation"]["answered"] < 0.1
    assert believed["validation"]["answered"] > 0.6
    assert answers.right[answers.confidence >= believed["threshold"]].mean() >= 0.95


def test_a_given_threshold_is_taken_as_it_is_and_no_test_images_are_told_nothing() -> None:
    votes = votes_of(draw_answers(1))
    found = judge(votes, pd.DataFrame({"confidence": []}), EnsemblingParameters(review_threshold=0.6))
    assert (found["threshold"], found["given"], found["test"]) == (0.6, True, None)
    assert found["validation"]["answered"] == (votes["confidence"] >= 0.6).mean()
    hopeless = judge(votes.assign(predicted=0), votes, EnsemblingParameters())
    assert hopeless["threshold"] == NONE_ANSWERED
    assert hopeless["validation"] == {"answered": 0.0, "precision": None, "pages": 600}
    assert hopeless["test"]["answered"] == 0.0


def test_the_curve_ends_at_all_pages_and_is_thinned_without_losing_its_ends() -> None:
    answers = draw_answers(2)
    whole = risk_coverage(answers.confidence, answers.right.astype(float), points=10_000)
    thin = risk_coverage(answers.confidence, answers.right.astype(float), points=50)
    assert whole["precision"].iloc[-1] == pytest.approx(answers.right.mean())
    assert thin["coverage"].iloc[-1] == 1.0
    assert len(thin) <= 50
    for row in thin.itertuples():
        chosen = answers.confidence >= row.threshold
        assert (row.coverage, row.precision) == pytest.approx((chosen.mean(), answers.right[chosen].mean()))
    assert risk_coverage(np.array([]), np.array([])).empty
