"""Tables on disk: types that must survive, files that must be whole, absence that must mean something."""

import csv
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError
from kedro.io.core import Version

from docsort.datasets.table_dataset import TableDataset
from docsort.table_files import TEXT_COLUMNS


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_ids_that_look_like_numbers_stay_text(tmp_path: Path, suffix: str) -> None:
    table = pd.DataFrame({"image_id": ["0012e5", "0007", "1234567890123456"], "label": [1, 2, 3]})
    dataset = TableDataset(filepath=str(tmp_path / f"t.{suffix}"))
    dataset.save(table)
    assert dataset.load()["image_id"].tolist() == ["0012e5", "0007", "1234567890123456"]


TEXTS = st.one_of(
    st.sampled_from(["None", "NA", "null", "nan", "", "-", "007", "1e5", "a\rb", "\n", '"', "'=1", "=1", "'"]),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6),
)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
def test_whatever_a_text_says_it_comes_back_from_every_column(suffix: str, texts: list[str]) -> None:
    table = pd.DataFrame(dict.fromkeys(TEXT_COLUMNS, texts), dtype="string").assign(number=1, lacking=pd.NA)
    dataset = TableDataset(filepath=f"texts.{suffix}")
    loaded = dataset.decode(dataset.encode(table))
    assert all(loaded[column].tolist() == texts for column in TEXT_COLUMNS)
    assert loaded["number"].tolist() == [1] * len(texts)
    assert loaded["lacking"].isna().all()


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-2", "@SUM(1)", "\t=1", "\r=1", "'=1", "＝1"])
def test_no_cell_of_a_csv_file_is_a_formula_but_a_submissions_id(tmp_path: Path, name: str) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.csv"))
    dataset.save(pd.DataFrame({"image_id": [name], "ID": [name], "confidence": [-0.5]}))
    with (tmp_path / "t.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {"image_id": f"'{name}", "ID": name, "confidence": "-0.5"}
    assert dataset.load().to_dict("list") == {"image_id": [name], "ID": [name], "confidence": [-0.5]}


def test_an_empty_cell_is_missing_only_where_no_text_is_meant(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.csv"))
    dataset.save(
        pd.DataFrame({"why": ["", "far"], "novelty": [None, 0.5], "label": pd.array([None, 3], dtype="Int64")})
    )
    loaded = dataset.load()
    assert loaded["why"].tolist() == ["", "far"]
    assert loaded[["novelty", "label"]].isna().to_numpy().tolist() == [[True, True], [False, False]]


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
    with pytest.raises(DatasetError, match="the disk is full: free some space"):
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
