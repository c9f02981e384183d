from pathlib import Path

import pytest

from docsort.errors import LeakError, StorageError
from docsort.members.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.stores import Store


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    folder = Store(tmp_path).folder("0123")
    folder.mkdir()
    return Checkpoint(folder, "0123")


def test_counts_only_when_declared_complete(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (checkpoint.folder / "model.safetensors").write_bytes(b"weights")
    assert not checkpoint.is_complete()
    Store(tmp_path).complete("0123", {"best_epoch": 3})
    assert checkpoint.record() == {"best_epoch": 3}
    assert checkpoint.is_complete()


def test_it_says_of_which_kind_it_is_and_what_it_learnt_once_it_is_finished(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="Expected a finished member in .*0123, but there is none; train again"):
        _ = checkpoint.kind
    with pytest.raises(LeakError, match="Expected .*0123 to say what was learnt there, but it does not; train it"):
        checkpoint.learnt_groups()
    Store(tmp_path).complete("0123", {"kind": "kernel", "learnt_groups": ["b", 7]})
    assert checkpoint.kind == "kernel"
    assert checkpoint.learnt_groups() == {"b", "7"}


def test_history_is_read_in_its_order_with_the_columns_that_were_not_noted_then(checkpoint: Checkpoint) -> None:
    (checkpoint.folder / HISTORY_FILE).write_text("epoch,lr\n1,0.1\n2,0.05\n")
    history = checkpoint.read_history()
    assert history["lr"].tolist() == [0.1, 0.05]
    assert set(history) == set(HISTORY)
    assert history["gpu_memory_mb"].isna().all()
    assert [row["epoch"] for row in checkpoint.history_rows()] == [1, 2]


def test_a_kind_without_epochs_has_a_history_without_rows(checkpoint: Checkpoint) -> None:
    assert checkpoint.read_history().empty
    assert tuple(checkpoint.read_history()) == HISTORY
    assert checkpoint.history_rows() == []
