import numpy as np
import pandas as pd
import pytest

from docsort.cleaning.baseline import BaselinePredictions
from docsort.cleaning.label_evidence import (
    BASELINE as BASELINE_NAME,
)
from docsort.cleaning.label_evidence import (
    NEAREST,
    NEAREST_WEIGHT,
    NEAREST_WEIGHT_ALONE,
    TRAINED,
    describe_evidence,
    gather_evidence,
)

IMAGES = pd.DataFrame({"image_id": ["a", "b", "c"], "label": [3, 7, 3], "group": ["a", "a", "a"]})
BASELINE = BaselinePredictions(
    np.array(["a", "b", "c"], dtype=object),
    np.array([3, 7]),
    np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]),
    np.array([[1.0, 0.0], [0.5, 0.5], [0.3, 0.7]]),
)


def predict(values: dict[str, tuple[float, float]], models: int = 2) -> pd.DataFrame:
    """Clean pages of classes 3 and 14; models differ, their mean is as given; the other condition says the opposite."""
    rows = []
    for image_id, (one, other) in values.items():
        for model in range(models):
            off = 0.1 * (model - (models - 1) / 2)
            rows.append((f"m{model}", image_id, "clean", one + off, other - off))
            rows.append((f"m{model}", image_id, "test_like", other, one))
    return pd.DataFrame(rows, columns=["model", "image_id", "condition", "p_3", "p_14"])


def test_where_nothing_tells_models_apart_each_member_counts_as_much_as_the_baseline() -> None:
    evidence = gather_evidence(IMAGES, predict({"a": (0.6, 0.4)}), BASELINE)
    assert evidence.targets.tolist() == [3, 7, 14]
    assert evidence.models.shape == (3, 3, 3)
    assert evidence.alone.tolist() == [False, True, True]
    np.testing.assert_allclose(evidence.predictions[TRAINED][0], [0.6, 0, 0.4], atol=1e-12)
    models = (2 * np.array([0.6, 0, 0.4]) + np.array([0.8, 0.2, 0])) / 3
    expected = (1 - NEAREST_WEIGHT) * models + NEAREST_WEIGHT * np.array([1, 0, 0])
    np.testing.assert_allclose(evidence.mean[0], expected)


def test_a_page_that_only_one_model_has_seen_is_judged_by_it_and_hardly_by_its_neighbours() -> None:
    evidence = gather_evidence(IMAGES, predict({"a": (0.6, 0.4)}), BASELINE)
    assert np.isnan(evidence.predictions[TRAINED][1:]).all()
    np.testing.assert_allclose(
        evidence.mean[2, :2],
        (1 - NEAREST_WEIGHT_ALONE) * BASELINE.classes[2] + NEAREST_WEIGHT_ALONE * BASELINE.nearest[2],
    )
    assert evidence.known.all()


def test_a_model_predicts_nothing_for_a_label_that_it_never_learnt() -> None:
    evidence = gather_evidence(IMAGES, predict({"a": (0.6, 0.4), "b": (0.5, 0.5)}))
    assert evidence.known.tolist() == [True, False, False]


def test_nobody_knows_anything_where_nothing_was_asked() -> None:
    evidence = gather_evidence(IMAGES, pd.DataFrame())
    assert not evidence.known.any()
    assert describe_evidence(evidence, np.zeros(3, dtype=np.int64)) == ["", "", ""]


@pytest.mark.parametrize("name", [BASELINE_NAME, NEAREST])
def test_rows_of_every_model_sum_to_one(name: str) -> None:
    evidence = gather_evidence(IMAGES, pd.DataFrame(), BASELINE)
    np.testing.assert_allclose(evidence.predictions[name].sum(axis=1), 1)


def test_words_name_both_classes_and_who_speaks() -> None:
    evidence = gather_evidence(IMAGES, predict({"c": (0.3, 0.7)}), BASELINE)
    (_, _, words) = describe_evidence(evidence, np.array([1, 0, 1]))
    assert words == (
        "unseen by the baseline: 7 at 0.90, 3 at 0.10; of its 10 nearest pages 70% are 7, 30% 3; "
        "unseen by the trained models: 7 at 0.00, 3 at 0.30"
    )
