import numpy as np
import pandas as pd
import pytest

from docsort.cleaning.drift import AUC_ROW, DRIFT, STATISTICS, measure_drift, separability
from docsort.tables import IMAGES


def make_images(shift: float, train: int = 150, test: int = 150) -> pd.DataFrame:
    """Images whose measures are Gaussian; those of the test are `shift` standard deviations brighter."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"split": ["train"] * train + ["test"] * test})
    for name in ("brightness", "contrast", "saturation", "sharpness", "noise", "white_border", "skew"):
        table[name] = rng.normal(50, 10, len(table))
    table["brightness"] += 10 * shift * (table["split"] == "test")
    table["width"], table["height"] = rng.integers(400, 500, (2, len(table)))
    return table.reindex(columns=list(IMAGES))


def test_each_measure_is_compared_as_numpy_does() -> None:
    images = make_images(shift=1.5)
    drift = measure_drift(images).set_index("measure")
    assert ("measure", *drift.columns) == DRIFT
    train, test = (images.loc[images["split"] == split, "brightness"].to_numpy() for split in ("train", "test"))
    row = drift.loc["brightness"]
    assert row["train_mean"] == pytest.approx(train.mean())
    assert row["test_sd"] == pytest.approx(test.std())
    assert row["difference"] == pytest.approx((test.mean() - train.mean()) / train.std())
    grid = np.sort(np.concatenate([train, test]))
    steps = [np.searchsorted(np.sort(part), grid, side="right") / len(part) for part in (train, test)]
    assert row["ks"] == pytest.approx(np.abs(steps[0] - steps[1]).max())
    assert drift.index.tolist() == [*STATISTICS, AUC_ROW]


def test_alike_splits_cannot_be_told_apart_and_different_ones_can() -> None:
    auc = [measure_drift(make_images(shift)).set_index("measure").loc[AUC_ROW, "ks"] for shift in (0.0, 1.5, 6.0)]
    assert auc[0] < 0.6
    assert 0.75 < auc[1] < 0.95
    assert auc[2] > 0.99


def test_without_test_images_there_is_no_drift() -> None:
    drift = measure_drift(make_images(0, test=0))
    assert (len(drift), tuple(drift.columns)) == (0, DRIFT)


def test_a_measure_that_never_varies_does_no_harm() -> None:
    images = make_images(1)
    images["noise"] = 0.0
    row = measure_drift(images).set_index("measure").loc["noise"]
    assert np.isnan(row["difference"])
    assert row["ks"] == 0


def test_too_few_images_give_no_classifier() -> None:
    assert AUC_ROW not in measure_drift(make_images(1, test=10))["measure"].tolist()


def test_separability_does_not_depend_on_chance() -> None:
    images = make_images(1).assign(aspect=1.0)
    parts = images[images["split"] == "train"], images[images["split"] == "test"]
    assert separability(*parts) == separability(*parts)
