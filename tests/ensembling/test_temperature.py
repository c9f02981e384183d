"""Temperatures are those that made the labels; that of the mean is right although no labelled page has its answer."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.reliability import log_losses, soften, temper
from docsort.ensembling.temperature import (
    COLDEST,
    HOTTEST,
    Calibration,
    calibrate_votes,
    fit_pooled_temperature,
    fit_temperature,
    fit_vector,
)

CLASSES = 6


def draw_labels(beliefs: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (beliefs.cumsum(axis=1) > rng.random((len(beliefs), 1))).argmax(axis=1)


def certain(labels: np.ndarray) -> np.ndarray:
    return np.eye(CLASSES)[labels]


def draw_members(noise: float, sharpness: float, pages: int = 8000, members: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Members (M, N, C) that see the same evidence, each with its own noise, and the labels (N,)."""
    rng = np.random.default_rng(0)
    evidence = rng.normal(0, 2, (pages, CLASSES))
    own = evidence + rng.normal(0, noise, (members, pages, CLASSES))
    return soften(sharpness * own), draw_labels(soften(evidence))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_the_one_that_made_the_labels(temperature: float) -> None:
    beliefs = soften(np.random.default_rng(0).normal(0, 1.5, (20_000, CLASSES)))
    assert fit_temperature(beliefs, certain(draw_labels(temper(beliefs, temperature)))) == pytest.approx(
        temperature, rel=0.05
    )


@pytest.mark.parametrize(("noise", "sharpness"), [(0.5, 0.5), (1.0, 1.0), (1.0, 2.0), (2.0, 0.5)])
def test_the_mean_of_members_gets_nearly_the_best_temperature_from_labels_that_one_of_them_answered(
    noise: float, sharpness: float
) -> None:
    members, truth = draw_members(noise, sharpness)
    half = len(truth) // 2
    seen, unseen, mean = members[0, :half], members[:, half:], members[:, half:].mean(axis=0)
    given = float(seen[np.arange(half), truth[:half]].mean())
    temperatures = {
        "pooled": fit_pooled_temperature(mean, unseen, given),
        "best": fit_temperature(mean, certain(truth[half:])),
        "one member": fit_temperature(seen, certain(truth[:half])),
        "none": 1.0,
    }
    losses = {name: log_losses(temper(mean, t), certain(truth[half:])).mean() for name, t in temperatures.items()}
    assert losses["pooled"] - losses["best"] < 0.006
    assert losses["one member"] - losses["best"] > 3 * (losses["pooled"] - losses["best"])


def test_wrong_labels_lead_it_less_astray_than_the_likelihood() -> None:
    beliefs = soften(np.random.default_rng(0).normal(0, 4, (20_000, CLASSES)))
    said = temper(beliefs, 0.7)
    truth = draw_labels(beliefs)
    wrong = np.random.default_rng(1).random(len(truth)) < 0.04
    noisy = certain(np.where(wrong, (truth + 1) % CLASSES, truth))
    candidates = np.geomspace(0.5, 5, 200)
    likeliest = candidates[int(np.argmin([log_losses(temper(said, t), noisy).mean() for t in candidates]))]
    assert abs(fit_temperature(said, noisy) - 1 / 0.7) < 0.5 * abs(likeliest - 1 / 0.7)
    assert fit_temperature(said, certain(truth)) == pytest.approx(1 / 0.7, rel=0.03)


def test_of_a_plain_mean_only_what_it_says_itself_counts() -> None:
    members, _ = draw_members(1.5, 1.0, pages=300)
    mean = members.mean(axis=0)
    assert fit_pooled_temperature(mean, members, 0.5) == fit_pooled_temperature(mean, mean[None], 0.5)


def test_what_is_out_of_reach_gives_the_end_of_the_range() -> None:
    members, _ = draw_members(1.0, 1.0, pages=200)
    mean = members.mean(axis=0)
    assert fit_pooled_temperature(mean, members, 1.0) == COLDEST
    assert fit_pooled_temperature(mean, members, 0.0) == HOTTEST


def test_scale_and_shift_undo_what_bends_single_classes() -> None:
    beliefs = soften(np.random.default_rng(0).normal(0, 1.5, (30_000, CLASSES)))
    truth = certain(draw_labels(beliefs))
    bent = soften(np.log(beliefs) * 0.8 + np.array([1.0, -1.0, 0, 0.5, 0, 0]))
    fitted = fit_vector(bent, truth)
    best = log_losses(beliefs, truth).mean()
    assert log_losses(fitted.apply(bent), truth).mean() == pytest.approx(best, abs=0.01)
    assert log_losses(temper(bent, fit_temperature(bent, truth)), truth).mean() > best + 0.05


def table_of(probabilities: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    votes = pd.DataFrame(probabilities, columns=[f"p_{3 * c}" for c in range(CLASSES)])
    votes["predicted"] = 3 * predicted
    votes["confidence"] = probabilities[np.arange(len(votes)), predicted]
    return votes


def test_a_temperature_changes_no_answer_and_leaves_the_table_as_it_was() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(CLASSES), 300)
    probabilities[0] = [0.25, 0.25 + 1e-16, 0.25, 0.25, 0, 0]
    for predicted in (probabilities.argmax(axis=1), np.arange(300) % CLASSES):  # a soft vote; any other
        votes = table_of(probabilities, predicted)
        before = votes.copy()
        for temperature in (COLDEST, 0.6, HOTTEST):
            after = calibrate_votes(votes, Calibration(temperature))
            assert (after["predicted"] == votes["predicted"]).all()
            values = after[[f"p_{3 * c}" for c in range(CLASSES)]].to_numpy()
            assert after["confidence"].to_numpy() == pytest.approx(values[np.arange(300), predicted])
            assert values.sum(axis=1) == pytest.approx(np.ones(300))
        pd.testing.assert_frame_equal(votes, before)


def test_a_shift_moves_answers_that_went_with_the_largest_probability_and_no_others() -> None:
    probabilities = np.tile([0.5, 0.4, 0.1, 0, 0, 0], (2, 1))
    votes = table_of(probabilities, np.array([0, 2]))
    shift = Calibration(1.0, (1.0,) * CLASSES, (0.0, 2.0, 0.0, 0.0, 0.0, 0.0))
    after = calibrate_votes(votes, shift)
    assert after["predicted"].tolist() == [3, 6]
    assert after["confidence"].tolist() == pytest.approx([after["p_3"][0], after["p_6"][1]])
