from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from docsort.cleaning.page_features import BLOCKS, condense, describe_page, features_of, measure_features
from docsort.images.reading import UnreadableImageError
from docsort.stores import Store
from docsort.tables import CLEAN_IMAGES

Page = NDArray[np.uint8]


def as_clean(images: pd.DataFrame) -> pd.DataFrame:
    return images.assign(label=0, given_label=0, group=images["image_id"])[list(CLEAN_IMAGES)]


def test_every_page_has_the_same_count_of_finite_numbers(page: Callable[[int], Page]) -> None:
    blank, line = np.full((40, 300, 3), 255, np.uint8), np.full((1, 90, 3), 120, np.uint8)
    for each in (page(0), page(1)[:, ::-1].copy(), blank, line):
        numbers = describe_page(each)
        assert numbers.shape == (sum(size for size, *_ in BLOCKS),)
        assert np.isfinite(numbers).all()


def test_one_form_is_nearer_to_itself_than_to_other_pages(
    page: Callable[[int], Page], form: Callable[[int], Page]
) -> None:
    pages = [form(1), form(2), form(3), page(11), page(12), page(13)]
    points = condense(np.stack([describe_page(each) for each in pages]))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    within = distances[:3, :3][np.triu_indices(3, 1)]
    assert within.max() < distances[:3, 3:].min()


def test_components_keep_the_distances_of_the_weighted_numbers() -> None:
    numbers = np.random.default_rng(0).normal(3, 2, (12, sum(size for size, *_ in BLOCKS))).astype(np.float32)
    points = condense(numbers)
    assert points.shape == (12, 11)
    # Gaussian numbers: every block's squared distances are about twice its squared weight.
    squared = ((points[:, None] - points) ** 2).sum(axis=2)[np.triu_indices(12, 1)]
    assert squared.mean() == pytest.approx(2 * 12 / 11 * sum(weight**2 for _, weight, _ in BLOCKS), rel=0.02)


def test_the_table_is_the_same_whatever_the_order_of_the_images(
    write: Callable[[Mapping[str, Page]], pd.DataFrame], page: Callable[[int], Page]
) -> None:
    images = as_clean(write({f"p{number}": page(number) for number in range(5)}))
    table = measure_features(images)
    pd.testing.assert_frame_equal(table, measure_features(images.iloc[::-1]))
    assert table["image_id"].tolist() == sorted(images["image_id"])
    wanted = table["image_id"].iloc[[3, 0]]
    np.testing.assert_array_equal(features_of(table, wanted), table.iloc[[3, 0], 1:].to_numpy())


def test_the_same_pages_are_described_once(
    write: Callable[[Mapping[str, Page]], pd.DataFrame], page: Callable[[int], Page], tmp_path: Path
) -> None:
    images, store = as_clean(write({f"p{number}": page(number) for number in range(5)})), Store(tmp_path / "kept")
    table = measure_features(images)
    pd.testing.assert_frame_equal(measure_features(images, store), table)
    gone = images.assign(path="gone.jpg")
    pd.testing.assert_frame_equal(measure_features(gone, store), table)
    with pytest.raises(UnreadableImageError):
        measure_features(gone.iloc[1:], store)
    with pytest.raises(UnreadableImageError):
        measure_features(gone.assign(sha256=images["sha256"].to_numpy()[::-1]), store)


def test_no_images_give_no_features() -> None:
    assert measure_features(pd.DataFrame(columns=list(CLEAN_IMAGES))).empty
