import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from docsort.cleaning.baseline import SHRINKAGE, SURENESS, neighbour_shares, predict_baseline, predict_unseen

TARGETS = (3, 7, 14)


def draw_points(pages: int = 90, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three clouds in eight dimensions, stretched alike, and which cloud each point is of."""
    rng = np.random.default_rng(seed)
    labels = np.arange(pages) % 3
    return (rng.normal(size=(pages, 8)) + 2.5 * np.eye(8)[labels]) * np.linspace(0.5, 2, 8), labels


def as_tables(points: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[pd.DataFrame, pd.DataFrame]:
    ids = [f"i{number:03d}" for number in range(len(points))]
    features = pd.DataFrame(points, columns=[f"f_{k}" for k in range(points.shape[1])]).assign(image_id=ids)
    clean = pd.DataFrame({"image_id": ids, "label": np.array(TARGETS)[labels], "group": ids})
    return clean, features


def test_probabilities_are_those_of_scikit_learn_with_the_log_odds_damped() -> None:
    points, labels = draw_points()
    known, unseen = points[:60] * [1, 1, 1, 1, 1, 1, 1, 3], points[60:]
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(known, labels[:60])
    expected = oracle.predict_proba(unseen) ** SURENESS
    probabilities, _ = predict_unseen(known, labels[:60], unseen, 3)
    np.testing.assert_allclose(probabilities, expected / expected.sum(axis=1, keepdims=True), rtol=1e-6)


def test_the_nearest_pages_are_counted_the_nearer_the_more() -> None:
    known = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    (share,) = neighbour_shares(known, np.array([0, 1, 2]), np.array([[2.0, 0.0]]), 3)
    cosines = np.array([1, 1 / np.hypot(1, 0.1), 0])
    expected = np.exp((cosines - 1) / 0.1)
    np.testing.assert_allclose(share, expected / expected.sum(), rtol=1e-9)


def test_a_class_that_was_never_seen_has_no_probability() -> None:
    points, labels = draw_points()
    seen = labels != 2
    for predicted in predict_unseen(points[seen], labels[seen], points, 3):
        assert (predicted[:, 2] == 0).all()
        np.testing.assert_allclose(predicted.sum(axis=1), 1)


def test_a_wrong_label_is_least_likely() -> None:
    points, labels = draw_points()
    labels[[4, 20]] = (labels[[4, 20]] + 1) % 3
    clean, features = as_tables(points, labels)
    baseline = predict_baseline(clean.sample(frac=1, random_state=0), features, seed=0)
    assert baseline.targets.tolist() == list(TARGETS)
    assert baseline.image_ids.tolist() == clean["image_id"].tolist()
    for predicted in (baseline.classes, baseline.nearest):
        np.testing.assert_allclose(predicted.sum(axis=1), 1)
        own = predicted[np.arange(90), labels]
        assert set(np.argsort(own)[:4]) >= {4, 20}


def test_a_page_learns_nothing_from_its_own_group() -> None:
    points, labels = draw_points()
    # A lone page far from all others, and its copy: labels of both are the wrong class.
    lone = points[0] + np.array([0, 9, 0, 0, 0, 0, 0, 0])
    points = np.concatenate([points, [lone, lone]])
    clean, features = as_tables(points, np.concatenate([labels, [2, 2]]))
    clean["group"] = [*clean["image_id"].iloc[:-1], clean["image_id"].iloc[-2]]
    together = predict_baseline(clean, features, seed=0)
    apart = predict_baseline(clean.assign(group=clean["image_id"]), features, seed=0)
    assert together.nearest[-1, 2] < 0.3 < apart.nearest[-1, 2]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_gives_the_same_predictions(seed: int) -> None:
    clean, features = as_tables(*draw_points())
    one, two = (predict_baseline(clean, features, seed) for _ in range(2))
    np.testing.assert_array_equal(one.classes, two.classes)
    assert (predict_baseline(clean, features, seed + 1).classes != one.classes).any()
