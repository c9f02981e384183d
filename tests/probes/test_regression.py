import numpy as np
import pytest

from docsort.members.logistic import STRENGTHS
from docsort.probes.regression import Known, fit_logistic


def _clouds(noise: float, wrong: float = 0.0, seed: int = 0, width: int = 20) -> Known:
    """Two classes that differ in one of the features, in four folds."""
    rng = np.random.default_rng(seed)
    labels = np.arange(160) % 2
    features = rng.normal(0, noise, (160, width))
    features[:, 0] += 2.0 * labels
    given = np.where(rng.random(160) < wrong, 1 - labels, labels)
    return Known(features.astype(np.float32), given, np.arange(160) // 40, np.ones(160, dtype=bool))


def test_probabilities_sum_to_one_and_follow_the_labels() -> None:
    known = _clouds(0.5)
    head, _ = fit_logistic(known, 3, balanced=False, seed=1)
    found = head.probabilities(known.features)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, 2] == 0).all()
    assert (found.argmax(axis=1) == known.labels).mean() > 0.95


def test_the_regression_is_held_back_more_where_features_tell_less() -> None:
    clear, vague = _clouds(0.2), _clouds(3.0, wrong=0.2, width=120)
    strong, weak = (fit_logistic(known, 2, False, 0)[1] for known in (clear, vague))
    assert STRENGTHS[0] <= weak < strong


def test_balanced_weights_raise_the_rare_class() -> None:
    known = _clouds(2.5)
    rows = (known.labels == 0) | (np.arange(160) % 8 == 1)
    few = Known(known.features[rows], known.labels[rows], known.folds[rows], known.test_like[rows])
    rare = [fit_logistic(few, 2, balanced, 0)[0].probabilities(few.features)[:, 1].mean() for balanced in (False, True)]
    assert rare[0] < few.labels.mean() + 0.1
    assert rare[1] > 1.5 * rare[0]


@pytest.mark.parametrize("folds", [np.zeros(160, dtype=np.int64), np.arange(160) % 2])
def test_pages_of_one_fold_or_of_a_class_a_fold_still_give_a_head(folds: np.ndarray) -> None:
    known = _clouds(0.5)
    head, strength = fit_logistic(Known(known.features, known.labels, folds, known.test_like), 2, False, 0)
    assert strength in STRENGTHS
    assert np.isfinite(head.probabilities(known.features)).all()
