"""Models are weighed by the labels that are planted to judge them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from docsort.cleaning.evidence_weights import (
    CONFUSED,
    PLANTED,
    SELECTED,
    find_weights,
    mean_of,
    plant_chances,
    planted_precision,
    weighted_mean,
)

PAGES, CLASSES = 150, 3
LABELS = np.arange(PAGES) % CLASSES
GROUPS = np.array([f"i{number:03d}" for number in range(PAGES)], dtype=object)

Floats = NDArray[np.float64]


def predict(sureness: float, seed: int = 0) -> Floats:
    """(N, C): the given class is preferred by so much; 0 knows nothing."""
    logits = np.random.default_rng(seed).normal(size=(PAGES, CLASSES))
    logits[np.arange(PAGES), LABELS] += sureness
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def test_the_precision_is_scikit_learns_on_all_labels_written_out() -> None:
    mean = predict(2).round(1)  # with ties
    planted = plant_chances(mean, LABELS)[LABELS]
    rows = [(mean[row, LABELS[row]], False, 1 - PLANTED) for row in range(PAGES)]
    for row, label in np.argwhere(planted > 0):
        rows.append((mean[row, label], True, PLANTED * planted[row, label]))
    own, wrong, weight = map(np.array, zip(*rows, strict=True))
    expected = average_precision_score(wrong, -own, sample_weight=weight)
    assert planted_precision(mean, LABELS, planted) == pytest.approx(expected)


def test_labels_are_planted_as_models_confuse_classes_and_anywhere() -> None:
    mean = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1]])
    chances = plant_chances(mean, np.array([0, 1]))
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_allclose(chances[0], [0, CONFUSED + (1 - CONFUSED) / 2, (1 - CONFUSED) / 2])
    np.testing.assert_allclose(chances[2], [0.5, 0.5, 0])  # of which no page is known


def test_a_model_that_tells_labels_apart_counts_for_more_and_none_for_nothing() -> None:
    weights = find_weights(np.stack([predict(0, 1), predict(3, 2)]), LABELS)
    assert weights.sum() == pytest.approx(1)
    assert (1 - SELECTED) / 2 <= weights[0] < 0.4 < 0.6 < weights[1]


def test_models_that_are_as_good_as_each_other_count_about_the_same() -> None:
    weights = find_weights(np.stack([predict(2, 1), predict(2, 2), predict(2, 3)]), LABELS)
    assert weights.min() > 0.2


def test_a_group_has_no_say_in_the_weights_that_answer_it() -> None:
    models = np.stack([predict(0.5, 1), predict(2, 2)])
    mean, weights = weighted_mean(models, LABELS, GROUPS)
    changed = LABELS.copy()
    changed[0::5] = models[0, 0::5].argmax(axis=1)
    other, moved = weighted_mean(models, changed, GROUPS)
    assert not np.allclose(weights, moved)
    np.testing.assert_array_equal(mean[0::5], other[0::5])
    assert not np.allclose(np.delete(mean, np.s_[0::5], 0), np.delete(other, np.s_[0::5], 0))


@pytest.mark.parametrize("labels", [LABELS, (predict(1).argmin(axis=1))])
def test_one_model_is_the_mean_and_where_all_is_disputed_weights_are_equal(labels: NDArray[np.int64]) -> None:
    only = predict(1)
    mean, weights = weighted_mean(only[None], labels, GROUPS)
    np.testing.assert_array_equal(mean, only)
    assert weights.tolist() == [1]
    assert find_weights(np.stack([only, only]), only.argmin(axis=1)).tolist() == [0.5, 0.5]


def test_who_has_not_seen_a_page_has_no_part_in_its_mean() -> None:
    models = np.stack([predict(1, 1), predict(1, 2)])
    models[0, 0], models[:, 1] = np.nan, np.nan
    mean = mean_of(models, np.array([0.75, 0.25]))
    np.testing.assert_allclose(mean[0], models[1, 0])
    assert np.isnan(mean[1]).all()
    np.testing.assert_allclose(mean[2], 0.75 * models[0, 2] + 0.25 * models[1, 2])
