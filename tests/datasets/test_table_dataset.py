"""Tables on disk: types that must survive, files that must be whole, absence that must mean something."""

import os
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from docsort.datasets.table_dataset import TableDataset


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_ids_that_look_like_numbers_stay_text(tmp_path: Path, suffix: str) -> None:
    table = pd.DataFrame({"image_id": ["0012e5", "0007", "1234567890123456"], "label": [1, 2, 3]})
    dataset = TableDataset(filepath=str(tmp_path / f"t.{suffix}"))
    dataset.save(table)
    assert dataset.load()["image_id"].tolist() == ["0012e5", "0007", "1234567890123456"]


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.csv"))
    dataset.save(pd.DataFrame(columns=["image_id", "reason"]))
    assert list(dataset.load().columns) == ["image_id", "reason"]
    assert dataset.load().empty


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.csv"))
    dataset.save(pd.DataFrame({"image_id": ["a"]}))

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(DatasetError, match="No space left"):
        dataset.save(pd.DataFrame({"image_id": ["b"]}))
    assert dataset.load()["image_id"].tolist() == ["a"]


def test_only_an_optional_table_may_be_absent(tmp_path: Path) -> None:
    path = str(tmp_path / "none.parquet")
    assert TableDataset(filepath=path, optional=True, columns=["model"]).load().columns.tolist() == ["model"]
    with pytest.raises(DatasetError, match=r"none\.parquet"):
        TableDataset(filepath=path).load()


def test_an_old_version_loads_after_a_new_one_was_saved(tmp_path: Path) -> None:
    path = str(tmp_path / "t.csv")
    for version, value in (("v1", "a"), ("v2", "b")):
        TableDataset(filepath=path, version=Version(None, version)).save(pd.DataFrame({"image_id": [value]}))
    assert TableDataset(filepath=path, version=Version("v1", None)).load()["image_id"].tolist() == ["a"]
    assert TableDataset(filepath=path, version=Version(None, None)).load()["image_id"].tolist() == ["b"]


def test_a_format_it_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"end in \.csv or \.parquet"):
        TableDataset(filepath=str(tmp_path / "t.xlsx"))
