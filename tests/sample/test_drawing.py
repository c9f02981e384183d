from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from docsort_sample.certificates import CONFUSABLE
from docsort_sample.composition import Plan, PlannedPhoto, plan_sample
from docsort_sample.drawing import Chunk, draw_sample, encode_photo
from docsort_sample.kinds import CLASS_NAMES
from docsort_sample.parameters import SampleParameters

SEED = 11
TINY = SampleParameters(scale=0.01, label_noise=0.1, near_duplicates=0.1)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_sample(TINY, SEED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole tiny sample, drawn in this process."""
    root = tmp_path_factory.mktemp("sample")
    draw_sample(root, TINY, SEED)
    return root


def decode(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def test_a_photo_has_the_same_bytes_in_whatever_order_photos_are_drawn(folder: Path, plan: Plan) -> None:
    for photo in [*plan.test[::-20], *plan.train[::-20]]:
        assert encode_photo(photo, SEED) == (folder / photo.split / f"{photo.image_id}.jpg").read_bytes()


def test_the_caller_decides_where_every_photo_is_drawn_and_the_tables_come_after(tmp_path: Path, plan: Plan) -> None:
    drawn: list[PlannedPhoto] = []

    def elsewhere(function: Callable[..., int], tasks: Sequence[Chunk]) -> Iterator[int]:
        for folder, photos, seed in tasks:
            assert (folder, seed) == (tmp_path, SEED)
            drawn.extend(photos)
            yield len(photos)
        assert function(tmp_path, plan.test[:1], SEED) == 1
        assert list(tmp_path.rglob("*.csv")) == []

    draw_sample(tmp_path, TINY, SEED, map=elsewhere)
    assert drawn == [*plan.train, *plan.test]
    assert [path.stem for path in tmp_path.rglob("*.jpg")] == [plan.test[0].image_id]
    assert len(list(tmp_path.rglob("*.csv"))) == 7


def test_another_seed_draws_another_page(plan: Plan) -> None:
    assert encode_photo(plan.train[0], SEED) != encode_photo(plan.train[0], SEED + 1)


def test_the_layout_is_that_of_the_competition(folder: Path) -> None:
    train, order = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "sample_submission.csv")
    assert list(train.columns) == list(order.columns) == ["ID", "target"]
    assert (order["target"] == 0).all()
    assert {path.name for path in (folder / "train").iterdir()} == set(train["ID"])
    assert {path.name for path in (folder / "test").iterdir()} == set(order["ID"])
    meta = pd.read_csv(folder / "meta.csv")
    assert list(meta.columns) == ["target", "class_name"]
    assert tuple(meta["class_name"]) == CLASS_NAMES


def test_the_answer_key_agrees_with_the_published_labels(folder: Path) -> None:
    given = pd.read_csv(folder / "train.csv").set_index("ID")["target"]
    errors = pd.read_csv(folder / "answer_key" / "planted_label_errors.csv")
    assert list(errors.columns) == ["ID", "given", "true"]
    assert len(errors) == round(TINY.label_noise * len(given))
    assert (given[errors["ID"]].to_numpy() == errors["given"]).all()
    assert (errors["given"] != errors["true"]).all()
    assert errors["true"].isin(CONFUSABLE).mean() > 0.6
    pairs = pd.read_csv(folder / "answer_key" / "planted_duplicates.csv")
    differs = given[pairs["ID"]].to_numpy() != given[pairs["other"]].to_numpy()
    assert (differs == pairs["conflict"]).all()
    truth = pd.read_csv(folder / "answer_key" / "test_truth.csv")
    assert list(truth["ID"]) == list(pd.read_csv(folder / "sample_submission.csv")["ID"])
    assert (truth["target"].value_counts() == 6).all()


def test_the_answer_key_names_the_photos_that_only_their_title_tells(folder: Path, plan: Plan) -> None:
    bare = pd.read_csv(folder / "answer_key" / "title_only.csv")
    photos = [photo for photo in (*plan.train, *plan.test) if photo.variant.title_only]
    assert set(bare["split"]) == {"train", "test"}
    assert list(bare["ID"]) == [f"{photo.image_id}.jpg" for photo in photos]


def test_a_variant_changes_the_photos_that_have_it_and_no_other_byte(plan: Plan) -> None:
    usual = plan_sample(TINY.model_copy(update={"title_only": 0.0}), SEED)
    kept = [(new, old) for new, old in zip(plan.test, usual.test, strict=True) if new.target in CONFUSABLE]
    same = [encode_photo(new, SEED) == encode_photo(old, SEED) for new, old in kept]
    assert same == [not new.variant.title_only for new, _ in kept]
    assert False in same


def test_a_near_duplicate_is_nearly_but_not_quite_the_page_it_repeats(folder: Path, plan: Plan) -> None:
    def small(photo: PlannedPhoto) -> NDArray[np.float64]:
        image = Image.open(folder / "train" / f"{photo.image_id}.jpg").convert("L").resize((32, 32))
        return np.asarray(image, dtype=np.float64).ravel()

    for copy, other in plan.duplicates:
        assert np.corrcoef(small(copy), small(other))[0, 1] > 0.93
        name = f"{copy.image_id}.jpg"
        assert (folder / "train" / name).read_bytes() != (folder / "train" / f"{other.image_id}.jpg").read_bytes()


def measures(folder: Path) -> NDArray[np.float64]:
    """Mean brightness, saturation and sharpness, and the shares of white pixels, of a folder of images."""
    rows = []
    for path in folder.iterdir():
        image = decode(path.read_bytes())
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1].mean()
        rows.append((grey.mean(), saturation, cv2.Laplacian(grey, cv2.CV_64F).var(), (grey > 250).mean()))
    means: NDArray[np.float64] = np.mean(rows, axis=0)
    return means


def test_the_test_photos_drift_from_the_train_photos_as_the_real_ones_do(folder: Path) -> None:
    train, test = measures(folder / "train"), measures(folder / "test")
    # Real means: brightness 148 to 172, saturation 24.7 to 14.2, sharpness 1357 to 688.
    np.testing.assert_allclose(train[:2], (148, 24.7), rtol=0.25)
    np.testing.assert_allclose(test[:2], (172, 14.2), rtol=0.25)
    assert 0.35 < test[2] / train[2] < 0.75
    assert train[3] < 0.05 < test[3]


def test_train_photos_have_the_sizes_of_the_real_ones(folder: Path) -> None:
    sizes = [Image.open(path).size for path in (folder / "train").iterdir()]
    assert all(384 <= width <= 753 and 348 <= height <= 682 for width, height in sizes)
    assert max(set(sizes), key=sizes.count) == (443, 591)
