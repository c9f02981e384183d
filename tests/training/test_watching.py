"""Trainings are watched from outside, and do not notice. Most of them are played here: files written by hand."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from docsort.errors import InputError, StoppedError, WeightsError
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.stores import Store
from docsort.training import watching
from docsort.training.checkpoints import HISTORY, RESUME_FILE, Checkpoint
from docsort.training.tasks import FoldTask, task_key, train
from docsort.training.watching import PROGRESS_FILE, Listener, Outcome, Progress, Training, listening, watched

MakeTask = Callable[..., FoldTask]


class Notes(Listener):
    """Remembers all it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def began(self, training: Training) -> None:
        self.heard.append(("began", training))

    def progressed(self, training: Training, progress: Progress) -> None:
        self.heard.append(("progressed", progress))

    def epoch_ended(self, training: Training, row: Mapping[str, float]) -> None:
        self.heard.append(("epoch_ended", row))

    def ended(self, training: Training, outcome: Outcome, error: BaseException | None) -> None:
        self.heard.append((outcome, error))

    def kept(self, training: Training, checkpoint: Checkpoint) -> None:
        self.heard.append(("kept", len(checkpoint.read_history())))

    def of(self, kind: str) -> list[Any]:
        return [what for found, what in self.heard if found == kind]


class Clumsy(Listener):
    def progressed(self, training: Training, progress: Progress) -> None:
        raise RuntimeError("no screen")


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.01)
    yield
    assert watching._listeners == []


def watch(folder: Path) -> AbstractContextManager[None]:
    return watched(Training("fold_0", recipe=None, seed=1, device="cpu"), Checkpoint(folder, "key"))  # type: ignore[arg-type]


def write_progress(folder: Path, batch: int, rows: int) -> Progress:
    progress = Progress(rows + 1, 5, batch, 10, 100.0, 0.5, rows)
    (folder / "new").write_text(json.dumps(asdict(progress)))
    (folder / "new").replace(folder / PROGRESS_FILE)
    return progress


def write_history(folder: Path, losses: list[float]) -> None:
    table = pd.DataFrame({"epoch": range(1, len(losses) + 1), "train_loss": losses, "note": "a", "gpu_memory_mb": None})
    table.to_csv(Checkpoint(folder, "key").history_path, index=False)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_all_is_told_while_it_happens(tmp_path: Path) -> None:
    notes = Notes()
    with listening(notes), watch(tmp_path):
        assert [kind for kind, _ in notes.heard] == ["began"]
        first = write_progress(tmp_path, 3, rows=0)
        wait_for(lambda: notes.of("progressed") == [first])
        write_history(tmp_path, [0.75])
        second = write_progress(tmp_path, 0, rows=1)
        wait_for(lambda: notes.of("progressed") == [first, second])
        (row,) = notes.of("epoch_ended")
        assert (row["epoch"], row["train_loss"], set(row)) == (1, 0.75, {"epoch", "train_loss", "gpu_memory_mb"})
        write_history(tmp_path, [0.75, 0.5, 0.25])
        write_progress(tmp_path, 0, rows=3)
    assert [row["train_loss"] for row in notes.of("epoch_ended")] == [0.75, 0.5, 0.25]
    assert notes.heard[-1] == ("finished", None)
    assert not (tmp_path / PROGRESS_FILE).exists()


def test_what_a_killed_training_left_is_not_told_before_it_is_trained_again(tmp_path: Path) -> None:
    write_progress(tmp_path, 9, rows=3)
    write_history(tmp_path, [0.75, 0.5, 0.25])
    notes = Notes()
    with listening(notes), watch(tmp_path):
        write_progress(tmp_path, 4, rows=2)
    assert [row["train_loss"] for row in notes.of("epoch_ended")] == [0.75, 0.5]


def test_a_listener_that_fails_is_named_once_and_the_others_hear_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    with listening(Clumsy()), listening(notes), watch(tmp_path):
        for batch in range(3):
            progress = write_progress(tmp_path, batch, rows=0)
            wait_for(lambda progress=progress: progress in notes.of("progressed"))  # type: ignore[misc]
    assert [record.getMessage() for record in caplog.records] == [
        "Clumsy failed and hears no more of this run; training goes on:"
    ]
    assert "no screen" in caplog.text
    assert notes.heard[-1] == ("finished", None)


def fail_after_an_epoch(folder: Path, error: BaseException) -> None:
    with watch(folder):
        write_history(folder, [0.75])
        write_progress(folder, 0, rows=1)
        raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InputError("Expected pages, but got none."), "failed"),
        (StoppedError("fit was stopped in its middle."), "stopped"),
        (KeyboardInterrupt("Ctrl-C"), "stopped"),
    ],
)
def test_an_error_is_told_and_goes_its_way(tmp_path: Path, error: BaseException, outcome: str) -> None:
    notes = Notes()
    with listening(notes), pytest.raises(type(error), match=str(error)):
        fail_after_an_epoch(tmp_path, error)
    assert len(notes.of("epoch_ended")) == 1
    assert notes.heard[-1] == (outcome, error)


def test_a_file_that_cannot_be_read_ends_the_watch_and_not_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    with listening(notes), watch(tmp_path):
        (tmp_path / PROGRESS_FILE).write_text("half a")
        wait_for(lambda: "fold_0 trains on, but is no longer watched" in caplog.text)
    assert [kind for kind, _ in notes.heard] == ["began", "finished"]


def test_where_nobody_listens_nobody_looks(tmp_path: Path) -> None:
    before = threading.active_count()
    with watch(tmp_path):
        write_progress(tmp_path, 1, rows=0)
        assert threading.active_count() == before
    assert not (tmp_path / PROGRESS_FILE).exists()


def test_a_training_is_told_as_it_was_and_its_weights_are_the_same_as_unwatched(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, notes = make_task(epochs=3, patience=3, batch_size=4), Notes()
    unwatched = train(task, Store(tmp_path / "unwatched"))
    with listening(Clumsy()), listening(notes):
        seen = train(task, Store(tmp_path / "watched"))
        assert train(task, Store(tmp_path / "watched")) == seen
    assert (seen.folder / WEIGHTS_FILE).read_bytes() == (unwatched.folder / WEIGHTS_FILE).read_bytes()
    assert "Clumsy failed" in caplog.text
    assert notes.of("began") == [Training("fold_0", task.parameters, 1, "cpu")]
    told = pd.DataFrame(notes.of("epoch_ended"), columns=list(HISTORY)).astype({"epoch": int})
    pd.testing.assert_frame_equal(told, seen.read_history())
    last = notes.of("progressed")[-1]
    assert (last.epoch, last.epochs, last.batch, last.batches, last.rows) == (3, 3, 12, 12, 3)
    assert [kind for kind, _ in notes.heard][-2:] == ["finished", "kept"]
    assert notes.heard[-1] == ("kept", 3)
    assert not list(tmp_path.rglob(PROGRESS_FILE))


def test_it_is_told_that_a_training_goes_on_from_its_middle(make_task: MakeTask, tmp_path: Path) -> None:
    task, notes = make_task(), Notes()
    folder = Store(tmp_path).folder(task_key(task))
    folder.mkdir()
    (folder / RESUME_FILE).write_bytes(b"not a middle")
    with listening(notes), pytest.raises(WeightsError, match="cannot be read"):
        train(task, Store(tmp_path))
    assert notes.of("began")[0].resumed
    assert notes.heard[-1][0] == "failed"
