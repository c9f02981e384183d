"""Pointers to weights: by key, versioned, and there only while the weights are."""

import shutil
from pathlib import Path

import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from docsort.datasets.checkpoint_dataset import CheckpointsDataset
from docsort.members.checkpoints import Checkpoint
from docsort.stores import Store


def finished(store: Store, key: str) -> Checkpoint:
    store.complete(key, {"name": key})
    return Checkpoint(folder=store.folder(key), key=key)


def dataset(folder: Path, version: Version | None = None) -> CheckpointsDataset:
    return CheckpointsDataset(filepath=str(folder / "p.json"), store={"path": str(folder / "store")}, version=version)


def test_a_pointer_finds_its_weights_after_the_data_folder_was_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    dataset(old).save({"main": finished(Store(old / "store"), "abc")})
    shutil.move(old, new)
    assert dataset(new).load() == {"main": Checkpoint(folder=new / "store" / "abc", key="abc")}


def test_an_old_version_still_names_the_weights_of_its_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for version, key in (("v1", "first"), ("v2", "second")):
        dataset(tmp_path, Version(None, version)).save({"main": finished(store, key)})
    assert dataset(tmp_path, Version("v1", None)).load()["main"].key == "first"
    assert dataset(tmp_path, Version(None, None)).load()["main"].key == "second"


def test_a_pointer_to_weights_that_are_gone_does_not_exist(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    pointer = dataset(tmp_path)
    pointer.save({"main": finished(store, "abc")})
    assert pointer.exists()
    shutil.rmtree(store.folder("abc"))
    assert not pointer.exists()
    with pytest.raises(DatasetError, match="gone, damaged or not finished; run the training pipeline again"):
        pointer.load()


def test_no_specialists_is_an_empty_pointer_that_exists(tmp_path: Path) -> None:
    dataset(tmp_path).save({})
    assert dataset(tmp_path).exists()
    assert dataset(tmp_path).load() == {}
