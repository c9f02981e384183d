"""Every listed test image gets one row, in the order it was listed, whatever became of it."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.submission import build_submission, most_frequent_class
from docsort.errors import InputError


@pytest.fixture
def photos() -> pd.DataFrame:
    ids = [f"{i:02}.jpg" for i in np.random.default_rng(0).permutation(20)]
    test = pd.DataFrame({"image_id": ids, "split": "test", "position": range(20)})
    train = pd.DataFrame({"image_id": ["t.jpg"], "split": "train", "position": [0]})
    return pd.concat([train, test]).sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture
def answers() -> pd.DataFrame:
    return pd.DataFrame({"image_id": [f"{i:02}.jpg" for i in range(20)], "target": np.arange(20) % 7})


@pytest.fixture
def none_rejected() -> pd.DataFrame:
    return pd.DataFrame({"image_id": [], "split": [], "reason": []}, dtype="string")


def rejected(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": ids, "split": "test", "reason": "the file is empty"})


def test_the_order_is_that_of_the_listing_and_the_classes_are_the_answers(
    photos: pd.DataFrame, answers: pd.DataFrame, none_rejected: pd.DataFrame
) -> None:
    submission = build_submission(photos, none_rejected, answers.sample(frac=1, random_state=3), fallback=9)
    listed = photos[photos["split"] == "test"].sort_values("position")["image_id"]
    assert list(submission.columns) == ["ID", "target"]
    assert submission["ID"].tolist() == listed.tolist()
    assert submission["target"].tolist() == [int(image_id[:2]) % 7 for image_id in listed]
    assert submission["target"].dtype == np.int64


def test_a_rejected_image_still_gets_its_row(photos: pd.DataFrame, answers: pd.DataFrame) -> None:
    readable = answers[answers["image_id"] != "05.jpg"]
    submission = build_submission(photos, rejected("05.jpg"), readable, fallback=9).set_index("ID")["target"]
    assert len(submission) == 20
    assert submission["05.jpg"] == 9
    assert (submission == 9).sum() == 1


def test_a_readable_image_without_an_answer_is_named(
    photos: pd.DataFrame, answers: pd.DataFrame, none_rejected: pd.DataFrame
) -> None:
    with pytest.raises(InputError, match=r"2 have none: (03\.jpg, 11\.jpg|11\.jpg, 03\.jpg)"):
        build_submission(photos, none_rejected, answers[~answers["image_id"].isin(["03.jpg", "11.jpg"])], fallback=0)


def test_answers_for_strangers_and_repeated_answers_are_named(
    photos: pd.DataFrame, answers: pd.DataFrame, none_rejected: pd.DataFrame
) -> None:
    stranger = pd.DataFrame({"image_id": ["zz.jpg", "04.jpg"], "target": [0, 0]})
    with pytest.raises(InputError, match=r"not readable: zz\.jpg; 1 have more than one: 04\.jpg"):
        build_submission(photos, none_rejected, pd.concat([answers, stranger]), fallback=0)


def test_data_without_test_images_gives_an_empty_sheet(
    photos: pd.DataFrame, answers: pd.DataFrame, none_rejected: pd.DataFrame
) -> None:
    submission = build_submission(photos[photos["split"] == "train"], none_rejected, answers.iloc[:0], fallback=0)
    assert submission.empty
    assert list(submission.columns) == ["ID", "target"]


def test_an_answer_for_a_rejected_image_is_stale(photos: pd.DataFrame, answers: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"not listed or not readable: 05\.jpg"):
        build_submission(photos, rejected("05.jpg"), answers, fallback=0)


def test_the_most_frequent_class_is_the_smallest_of_equals() -> None:
    assert most_frequent_class(pd.Series([5, 3, 3, 5, 1])) == 3
    with pytest.raises(InputError, match="there are none"):
        most_frequent_class(pd.Series([], dtype=int))
