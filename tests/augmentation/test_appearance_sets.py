"""Training pages, test-like pages and test images are measured once, and as they are."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from drawn_job import Data, make_data, make_parameters

from docsort.augmentation import appearance_sets as module
from docsort.augmentation import damage_fit
from docsort.images import appearance
from docsort.images.appearance import APPEARANCE
from docsort.stores import Store


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    """To start workers would take longer than the work."""
    here = SimpleNamespace(map=lambda function, tasks: (function(*task) for task in tasks))
    monkeypatch.setattr(damage_fit, "executor", lambda: here)
    monkeypatch.setattr(appearance, "map_surviving", lambda function, items, *_: [function(*item) for item in items])
    return make_data(tmp_path / "pages", (6, 6))


def images_of(data: Data) -> pd.DataFrame:
    """Four of the pages stand for test images."""
    table = data.clean_images[["image_id", "path", "sha256"]].assign(split="train")
    return pd.concat([table, table.head(4).assign(split="test")], ignore_index=True)


def test_each_set_is_measured_and_test_like_pages_are_damaged(data: Data, tmp_path: Path) -> None:
    blurred = make_parameters(damage={"blur_share": 1.0, "blur_sigma": (3.0, 3.5)})
    table = module.measure_sets(data.clean_images, images_of(data), blurred, 0, Store(tmp_path / "store"))
    assert table.columns.tolist() == ["set", *APPEARANCE]
    assert table.groupby("set").size().to_dict() == {"test": 4, "test_like": 12, "training": 12}
    sharpness = table.groupby("set")["sharpness"].mean()
    assert sharpness["test_like"] < sharpness["training"] - 1
    assert table.loc[table["set"] == "test_like", "size"].isna().all()
    assert table.drop(columns="size").notna().all(axis=None)


def test_it_is_done_once_and_anew_where_the_damage_is_another(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, calls = Store(tmp_path / "store"), []
    measure = module._measure
    monkeypatch.setattr(module, "_measure", lambda *given: calls.append(given) or measure(*given))
    tables = [
        module.measure_sets(data.clean_images, images_of(data), make_parameters(damage=damage), 0, store)
        for damage in ({"blur_share": 0.2}, {"blur_share": 0.2}, {"blur_share": 0.9})
    ]
    assert len(calls) == 2
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not np.array_equal(tables[0]["sharpness"], tables[2]["sharpness"])


def test_without_test_images_there_is_no_such_set(data: Data, tmp_path: Path) -> None:
    images = images_of(data)
    table = module.measure_sets(
        data.clean_images, images[images["split"] == "train"], make_parameters(), 0, Store(tmp_path / "store")
    )
    assert set(table["set"]) == {"training", "test_like"}
