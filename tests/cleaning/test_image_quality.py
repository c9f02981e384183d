from typing import Any

import numpy as np
import pandas as pd
import pytest

from docsort.cleaning.image_quality import list_image_problems, robust_distances
from docsort.tables import IMAGE_PROBLEMS, IMAGES

MEASURES = ("brightness", "contrast", "saturation", "sharpness", "noise")


def make_images(train: int = 60, test: int = 60, **strange: Any) -> pd.DataFrame:
    """Images alike; `strange` replaces measures of the first training image."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"split": ["train"] * train + ["test"] * test})
    table["image_id"] = [f"{split}{number:03d}" for number, split in enumerate(table["split"])]
    for name in MEASURES:
        table[name] = rng.normal(60, 4, len(table))
    table["width"], table["height"] = rng.integers(400, 500, (2, len(table)))
    table["bytes"] = table["width"] * table["height"] // 5
    table["pages"], table["doubt"] = 1, ""
    for name, value in strange.items():
        table.loc[0, name] = value
    return table.reindex(columns=list(IMAGES))


def kinds(images: pd.DataFrame) -> list[tuple[str, str]]:
    problems = list_image_problems(images)
    assert tuple(problems.columns) == IMAGE_PROBLEMS
    return list(zip(problems["image_id"], problems["kind"], strict=True))


def test_images_that_are_alike_have_no_problem() -> None:
    assert kinds(make_images()) == []


@pytest.mark.parametrize(
    ("strange", "kind", "detail"),
    [
        ({"contrast": 2.5}, "blank", "contrast 2.5 grey levels"),
        ({"width": 40, "height": 90, "bytes": 720}, "tiny", "40 × 90 pixels"),
        ({"width": 1800, "height": 450, "bytes": 162000}, "odd_shape", "one side is 4.0 times the other"),
        ({"pages": 3}, "more_pages", "only the first of 3 pages is read"),
        ({"doubt": "12 bits are taken for white"}, "odd_range", "12 bits are taken for white"),
        ({"brightness": 200.0}, "outlier", "brightness 200 is .* robust standard deviations above the median"),
    ],
)
def test_each_kind_is_found_and_said_in_words(strange: dict[str, Any], kind: str, detail: str) -> None:
    problems = list_image_problems(make_images(**strange))
    assert set(problems["image_id"]) == {"train000"}
    own = problems[problems["kind"] == kind]
    assert len(own) == 1
    assert own["detail"].str.fullmatch(detail).all()


def test_a_split_is_measured_by_itself() -> None:
    images = make_images()
    images.loc[images["split"] == "test", "brightness"] += 100
    assert kinds(images) == []


def test_outliers_among_few_images_are_not_told() -> None:
    assert kinds(make_images(train=19, brightness=200.0)) == []


@pytest.mark.parametrize(
    ("kind", "within", "beyond"),
    [
        ("blank", {"contrast": 6.0}, {"contrast": 5.9}),
        ("tiny", {"width": 100, "height": 200}, {"width": 99, "height": 200}),
        ("odd_shape", {"width": 1200, "height": 400}, {"width": 1201, "height": 400}),
    ],
)
def test_a_problem_begins_beyond_its_limit(kind: str, within: dict[str, Any], beyond: dict[str, Any]) -> None:
    assert ("train000", kind) not in kinds(make_images(**within))
    assert ("train000", kind) in kinds(make_images(**beyond))


def test_distances_are_standard_deviations_of_a_gaussian_whatever_its_outliers() -> None:
    values = np.random.default_rng(0).normal(10, 3, 4001)
    values[:400] = 1e6
    distances = robust_distances(values, least_spread=0.1)
    assert distances[400:].std() == pytest.approx(1, rel=0.15)
    assert np.median(distances) == 0


def test_where_hardly_anything_varies_a_little_is_not_far() -> None:
    values = np.array([5.0] * 9 + [5.2])
    assert robust_distances(values, least_spread=0.1)[-1] == pytest.approx(2)


def test_photos_stored_at_one_size_but_for_some_are_no_outliers() -> None:
    images = make_images()
    images["width"], images["height"] = 500, 400
    images.loc[:9, ["width", "height"]] = 300, 240
    images["bytes"] = images["width"] * images["height"] // 5
    assert kinds(images) == []
