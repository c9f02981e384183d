from pathlib import Path

import pytest

from docsort.errors import StorageError
from docsort.stores import Store
from docsort.training.checkpoints import HISTORY_FILE, Checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(Store(tmp_path).folder("0123"), "0123")


def test_counts_only_when_declared_complete(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.folder.mkdir()
    (checkpoint.folder / "model.safetensors").write_bytes(b"weights")
    assert not checkpoint.is_complete()
    Store(tmp_path).complete("0123", {"best_epoch": 3})
    assert checkpoint.record() == {"best_epoch": 3}


def test_history_is_read_in_its_order(checkpoint: Checkpoint) -> None:
    checkpoint.folder.mkdir()
    (checkpoint.folder / HISTORY_FILE).write_text("epoch,lr\n1,0.1\n2,0.05\n")
    assert checkpoint.read_history()["lr"].tolist() == [0.1, 0.05]


def test_missing_history_is_named(checkpoint: Checkpoint) -> None:
    with pytest.raises(StorageError, match=r"history\.csv, but there is none"):
        checkpoint.read_history()
