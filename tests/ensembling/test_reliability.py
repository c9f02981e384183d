"""Measures of confidence are what a plain loop and scikit-learn say, and luck is told apart from error."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from docsort.ensembling.reliability import (
    brier_scores,
    calibration_error,
    error_by_luck,
    log_losses,
    reliability_bins,
    reliability_scores,
    soften,
    temper,
)
from docsort.errors import InputError


def draw_pages(count: int = 3000, overconfident: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1, count)
    return confidence, rng.random(count) < confidence - overconfident * (confidence - 0.2)


def test_the_error_is_that_of_the_plain_loop() -> None:
    confidence, right = draw_pages(500, overconfident=0.3)
    slow = 0.0
    for i in range(15):
        inside = (confidence >= i / 15) & (confidence < (i + 1) / 15)
        if inside.any():
            slow += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    assert calibration_error(confidence, right) == pytest.approx(slow, abs=1e-12)


def test_bins_of_equal_mass_hold_equally_many_pages_in_ascending_order() -> None:
    confidence, right = draw_pages(150)
    bins = reliability_bins(confidence, right, equal="mass")
    assert bins["pages"].tolist() == [10] * 15
    assert (bins["low"].to_numpy()[1:] >= bins["high"].to_numpy()[:-1]).all()
    assert bins["accuracy"].mean() == pytest.approx(right.mean())


def test_a_confidence_of_one_and_a_single_page_have_a_bin() -> None:
    bins = reliability_bins(np.array([1.0]), np.array([True]))
    assert bins[["pages", "confidence", "accuracy", "high"]].to_numpy().tolist() == [[1, 1, 1, 1]]


def test_confidences_that_keep_their_word_read_what_luck_reads() -> None:
    read = [calibration_error(*draw_pages(800, seed=seed)) for seed in range(30)]
    luck = error_by_luck(draw_pages(800)[0], seed=0)
    assert np.mean(read) == pytest.approx(luck, rel=0.1)
    assert calibration_error(*draw_pages(800, overconfident=0.4)) > 3 * luck
    assert luck > 1.8 * error_by_luck(draw_pages(800 * 4)[0], seed=0)


def test_nll_and_brier_are_those_of_scikit_learn_and_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet(np.ones(4), 200), rng.integers(4, size=200)
    truth = np.eye(4)[labels]
    assert log_losses(probabilities, truth).mean() == pytest.approx(log_loss(labels, probabilities, labels=range(4)))
    expected = np.square(probabilities - truth).sum(axis=1)
    assert brier_scores(probabilities, truth) == pytest.approx(expected)


def test_of_what_is_not_sure_the_expectation_is_told() -> None:
    rng = np.random.default_rng(0)
    values, truth = rng.dirichlet(np.ones(3), 40), rng.dirichlet(np.full(3, 0.3), 40)
    votes = pd.DataFrame(values, columns=["p_0", "p_1", "p_2"])
    votes = votes.assign(predicted=values.argmax(axis=1), confidence=values.max(axis=1))
    told = reliability_scores(votes, truth=truth)
    drawn = [
        reliability_scores(votes.assign(label=(truth.cumsum(axis=1) > rng.random((40, 1))).argmax(axis=1)))
        for _ in range(400)
    ]
    for name in ("accuracy", "brier", "nll"):
        assert told[name] == pytest.approx(np.mean([one[name] for one in drawn]), abs=0.02)


def test_scores_of_a_table_are_those_of_its_arrays() -> None:
    rng = np.random.default_rng(0)
    values = rng.dirichlet(np.ones(3), 100)
    votes = pd.DataFrame(values, columns=["p_2", "p_5", "p_11"])
    votes["predicted"] = np.array([2, 5, 11])[values.argmax(axis=1)]
    votes["label"] = np.array([2, 5, 11])[rng.integers(3, size=100)]
    votes["confidence"] = values.max(axis=1)
    scores = reliability_scores(votes)
    right = (votes["predicted"] == votes["label"]).to_numpy()
    assert scores["ece"] == calibration_error(values.max(axis=1), right)
    assert scores["accuracy"] == right.mean()
    truth = np.searchsorted([2, 5, 11], votes["label"])
    assert scores["nll"] == pytest.approx(-np.log(values[np.arange(100), truth]).mean())
    with pytest.raises(InputError, match="there are none"):
        reliability_scores(votes.iloc[:0])


def test_tempering_keeps_the_order_and_undoes() -> None:
    probabilities = soften(np.random.default_rng(0).normal(0, 1, (50, 6)))
    sharp = temper(probabilities, 0.4)
    assert (sharp.argsort(axis=1) == probabilities.argsort(axis=1)).all()
    assert sharp.sum(axis=1) == pytest.approx(np.ones(50))
    assert temper(sharp, 1 / 0.4) == pytest.approx(probabilities, abs=1e-6)
    assert temper(probabilities, 1.0) == pytest.approx(probabilities)
