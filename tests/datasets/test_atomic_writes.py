"""Every dataset that writes a file writes it whole or not at all."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import AbstractDataset, DatasetError
from PIL import Image
from plotly.graph_objects import Figure

import docsort.datasets
from docsort.datasets.checkpoint_dataset import CheckpointsDataset
from docsort.datasets.document_datasets import FigureDataset, RecordDataset, TextDataset
from docsort.datasets.ensemble_dataset import EnsembleDataset
from docsort.datasets.file_dataset import FileDataset
from docsort.datasets.ledger_dataset import LedgerDataset
from docsort.datasets.manifest_dataset import RenderManifestDataset
from docsort.datasets.novelty_dataset import NoveltyDataset
from docsort.datasets.picture_dataset import PictureDataset
from docsort.datasets.reference_dataset import ReferenceDataset
from docsort.datasets.store_dataset import StoreDataset
from docsort.datasets.table_dataset import TableDataset
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.reference import Reference
from docsort.members.checkpoints import Checkpoint

Make = Callable[[Path], tuple[AbstractDataset[Any, Any], Path, Any, Any]]


def manifest_of(folder: Path, name: str) -> pd.DataFrame:
    return pd.DataFrame({"render_id": [name], "path": [str(folder / "store" / name)]})


def pointer_to(folder: Path, key: str) -> dict[str, Checkpoint]:
    return {"main": Checkpoint(folder=folder / "store" / key, key=key)}


MAKERS: dict[type, Make] = {
    TextDataset: lambda to: (TextDataset(filepath=str(to / "a.html")), to / "a.html", "old", "new"),
    RecordDataset: lambda to: (RecordDataset(filepath=str(to / "a.json")), to / "a.json", {"a": 1}, {"a": 2}),
    FigureDataset: lambda to: (
        FigureDataset(filepath=str(to / "a.json")),
        to / "a.json",
        Figure(layout={"title": {"text": "old"}}),
        Figure(layout={"title": {"text": "new"}}),
    ),
    PictureDataset: lambda to: (
        PictureDataset(filepath=str(to / "a.png")),
        to / "a.png",
        Image.new("RGB", (4, 4), "white"),
        Image.new("RGB", (4, 4), "black"),
    ),
    TableDataset: lambda to: (
        TableDataset(filepath=str(to / "a.csv")),
        to / "a.csv",
        pd.DataFrame({"a": [1]}),
        pd.DataFrame({"a": [2]}),
    ),
    LedgerDataset: lambda to: (
        LedgerDataset(filepath=str(to / "a.csv")),
        to / "a.csv",
        pd.DataFrame({"a": [1]}),
        pd.DataFrame({"a": [2]}),
    ),
    RenderManifestDataset: lambda to: (
        RenderManifestDataset(filepath=str(to / "a.parquet"), store={"path": str(to / "store")}),
        to / "a.parquet",
        manifest_of(to, "old.jpg"),
        manifest_of(to, "new.jpg"),
    ),
    NoveltyDataset: lambda to: (
        NoveltyDataset(filepath=str(to / "a.safetensors")),
        to / "a.safetensors",
        NoveltyIndex((), np.zeros(2)),
        NoveltyIndex((), np.ones(2)),
    ),
    ReferenceDataset: lambda to: (
        ReferenceDataset(filepath=str(to / "a.safetensors")),
        to / "a.safetensors",
        Reference({}, np.zeros(2), np.zeros(2), np.zeros(2)),
        Reference({}, np.ones(2), np.ones(2), np.ones(2)),
    ),
    CheckpointsDataset: lambda to: (
        CheckpointsDataset(filepath=str(to / "a.json"), store={"path": str(to / "store")}),
        to / "a.json",
        pointer_to(to, "old"),
        pointer_to(to, "new"),
    ),
}
"""A dataset, its file, and two values for it."""

FOLDERS = {StoreDataset, EnsembleDataset}
"""The first is never saved; the second's manifest makes the folder count and is written last, by `Ensemble.save`."""


def dataset_classes() -> set[type]:
    """All that `docsort.datasets` defines and a catalog may name."""
    modules = (
        importlib.import_module(f"docsort.datasets.{m.name}") for m in pkgutil.iter_modules(docsort.datasets.__path__)
    )
    found = {each for module in modules for _, each in inspect.getmembers(module, inspect.isclass)}
    own = {each for each in found if issubclass(each, AbstractDataset) and each.__module__.startswith("docsort.")}
    return own - {FileDataset}


def test_every_dataset_of_one_file_is_tried_below() -> None:
    assert dataset_classes() == set(MAKERS) | FOLDERS


@pytest.mark.parametrize("kind", MAKERS)
def test_a_write_that_fails_in_its_middle_leaves_what_was_there(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, file, old, new = MAKERS[kind](tmp_path)
    dataset.save(old)
    before = file.read_bytes()

    def fail(_: int) -> None:
        assert file.read_bytes() == before, "a reader would find half a file"
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("docsort.files.os.fsync", fail)
        with pytest.raises(DatasetError, match="No space left on device"):
            dataset.save(new)
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {file.name, f".{file.name}.sha256"}
    dataset.save(new)
    assert file.read_bytes() != before
