import numpy as np
import pandas as pd
import pytest

from docsort.cleaning.first_look import FirstLook
from docsort.cleaning.opinions import NEAREST, NEAREST_WEIGHT, gather_opinions, put_in_words

IMAGES = pd.DataFrame({"image_id": ["a", "b", "c"], "label": [3, 7, 3]})
LOOK = FirstLook(
    np.array(["a", "b", "c"], dtype=object),
    np.array([3, 7]),
    np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]),
    np.array([[1.0, 0.0], [0.5, 0.5], [0.3, 0.7]]),
)


def predict(values: dict[str, tuple[float, float]], models: int = 2) -> pd.DataFrame:
    """Clean views of classes 3 and 14; models differ, their mean is as given; the other view says the opposite."""
    rows = []
    for image_id, (one, other) in values.items():
        for model in range(models):
            off = 0.1 * (model - (models - 1) / 2)
            rows.append((f"m{model}", image_id, "clean", one + off, other - off))
            rows.append((f"m{model}", image_id, "test_like", other, one))
    return pd.DataFrame(rows, columns=["model", "image_id", "view", "p_3", "p_14"])


def test_models_weigh_the_same_and_the_nearest_pages_little() -> None:
    opinions = gather_opinions(IMAGES, predict({"a": (0.6, 0.4)}), LOOK)
    assert opinions.targets.tolist() == [3, 7, 14]
    np.testing.assert_allclose(opinions.said["the trained models"][0], [0.6, 0, 0.4], atol=1e-12)
    models = np.array([0.7, 0.1, 0.2])
    expected = (1 - NEAREST_WEIGHT) * models + NEAREST_WEIGHT * np.array([1, 0, 0])
    np.testing.assert_allclose(opinions.mean[0], expected)


def test_a_page_that_a_model_has_not_seen_is_judged_by_the_others() -> None:
    opinions = gather_opinions(IMAGES, predict({"a": (0.6, 0.4)}), LOOK)
    assert np.isnan(opinions.said["the trained models"][1:]).all()
    np.testing.assert_allclose(
        opinions.mean[2, :2], (1 - NEAREST_WEIGHT) * LOOK.classes[2] + NEAREST_WEIGHT * LOOK.nearest[2]
    )
    assert opinions.known.all()


def test_a_model_is_silent_on_a_label_that_it_never_learnt() -> None:
    opinions = gather_opinions(IMAGES, predict({"a": (0.6, 0.4), "b": (0.5, 0.5)}))
    assert opinions.known.tolist() == [True, False, False]


def test_nobody_knows_anything_where_nothing_was_asked() -> None:
    opinions = gather_opinions(IMAGES, pd.DataFrame())
    assert not opinions.known.any()
    assert put_in_words(opinions, np.zeros(3, dtype=np.int64)) == ["", "", ""]


@pytest.mark.parametrize("name", ["the first look", NEAREST])
def test_rows_of_every_voice_sum_to_one(name: str) -> None:
    opinions = gather_opinions(IMAGES, pd.DataFrame(), LOOK)
    np.testing.assert_allclose(opinions.said[name].sum(axis=1), 1)


def test_words_name_both_classes_and_who_speaks() -> None:
    opinions = gather_opinions(IMAGES, predict({"c": (0.3, 0.7)}), LOOK)
    (_, _, words) = put_in_words(opinions, np.array([1, 0, 1]))
    assert words == (
        "unseen by the first look: 7 at 0.90, 3 at 0.10; of its 10 nearest pages 70% are 7, 30% 3; "
        "unseen by the trained models: 7 at 0.00, 3 at 0.30"
    )
