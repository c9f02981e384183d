"""What a training says of itself, and that it is the same training when nobody says anything."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback
from notes import Clumsy, Notes

from docsort.members import fitting
from docsort.members.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.stores import Store
from docsort.training import engine
from docsort.training import progress_callback as callback
from docsort.training.engine import fit
from docsort.training.kind import RESUME_FILE, NetworkTask
from docsort.training.progress_callback import take_peak_memory
from docsort.work.progress import EpochRow, Job, Progress, listening

MakeTask = Callable[..., NetworkTask]


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    events: list[object] = []
    monkeypatch.setattr(callback, "report", events.append)
    return events


def test_it_says_how_far_it_is_and_each_row_once_it_holds(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: list[object]
) -> None:
    monkeypatch.setattr(callback, "EVERY_S", 0)
    fit(make_task(epochs=2, batch_size=16), tmp_path, "cpu", 1)
    steps = [event.batch if isinstance(event, Progress) else "row" for event in reported]
    assert steps == [0, 1, 2, 3, "row", 3, 1, 2, 3, "row", 3]
    said = [event for event in reported if isinstance(event, Progress)]
    assert [now.epoch for now in said] == [1] * 5 + [2] * 4
    assert {(now.epochs, now.batches) for now in said} == {(2, 3)}
    assert said[0].loss is None
    assert all(now.images_per_s is not None and now.images_per_s > 0 for now in said[1:])
    history = pd.read_csv(tmp_path / HISTORY_FILE)
    assert said[3].loss == pytest.approx(said[4].loss) == history["train_loss"][0]
    rows = pd.DataFrame([event.row for event in reported if isinstance(event, EpochRow)], columns=list(HISTORY))
    pd.testing.assert_frame_equal(rows.astype({"epoch": int}), history)


def test_between_its_times_no_batch_is_told(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: list[object]
) -> None:
    monkeypatch.setattr(callback, "EVERY_S", math.inf)
    fit(make_task(epochs=2, batch_size=4), tmp_path, "cpu", 1)
    said = [event for event in reported if isinstance(event, Progress)]
    assert [(now.epoch, now.batch) for now in said] == [(1, 0), (1, said[0].batches), (2, said[0].batches)]
    assert said[0].batches > 1


def test_weights_are_the_same_with_it_and_without_it(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: list[object]
) -> None:
    task = make_task(epochs=2, drop_rate=0.2)
    with monkeypatch.context() as patch:
        patch.setattr(callback, "EVERY_S", 0)
        fit(task, tmp_path / "with", "cpu", 1)
    assert reported
    monkeypatch.setattr(engine, "ProgressReport", Callback)
    fit(task, tmp_path / "without", "cpu", 1)
    assert len({(tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("with", "without")}) == 1


def test_a_training_is_told_as_it_was_and_its_weights_are_the_same_as_unheard(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, notes = make_task(epochs=3, patience=3, batch_size=4), Notes()
    unheard = fitting.fit(task, Store(tmp_path / "unheard"))
    with listening(Clumsy()), listening(notes):
        seen = fitting.fit(task, Store(tmp_path / "heard"))
        assert fitting.fit(task, Store(tmp_path / "heard")) == seen
    assert (seen.folder / WEIGHTS_FILE).read_bytes() == (unheard.folder / WEIGHTS_FILE).read_bytes()
    assert "Clumsy failed" in caplog.text
    assert notes.of("began") == [Job("fold_0", "network", task.parameters.model_dump(mode="json"), 1, "cpu")]
    history = seen.read_history()
    for rows in (notes.of("epoch_ended"), notes.heard[-1][1]):
        told = pd.DataFrame(rows, columns=list(HISTORY)).astype({"epoch": int})
        pd.testing.assert_frame_equal(told, history)
    last = notes.of("progressed")[-1]
    assert (last.epoch, last.epochs, last.batch, last.batches) == (3, 3, 12, 12)
    assert [kind for kind, _ in notes.heard][-2:] == ["finished", "kept"]


def test_it_is_told_that_a_training_goes_on_from_its_middle(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, notes = make_task(), Notes()
    folder = Store(tmp_path).folder(task.key())
    folder.mkdir()
    (folder / RESUME_FILE).write_bytes(b"not a middle")
    with listening(notes):
        fitting.fit(task, Store(tmp_path))
    assert notes.of("began")[0].resumed
    assert "the training begins anew" in caplog.text
    assert notes.heard[-1][0] == "finished"


def test_a_history_from_before_memory_was_noted_is_read(tmp_path: Path) -> None:
    (tmp_path / HISTORY_FILE).write_text("epoch,train_loss\n1,0.5\n")
    history = Checkpoint(tmp_path, "key").read_history()
    assert history["train_loss"].tolist() == [0.5]
    assert history["gpu_memory_mb"].isna().all()


def test_a_processor_has_no_gpu_memory(make_task: MakeTask, tmp_path: Path) -> None:
    assert math.isnan(take_peak_memory(torch.device("cpu")))
    fit(make_task(epochs=1), tmp_path, "cpu", 1)
    assert pd.read_csv(tmp_path / HISTORY_FILE)["gpu_memory_mb"].isna().all()


@pytest.mark.gpu
def test_the_peak_of_a_gpu_is_that_since_the_last_call() -> None:
    device = torch.device("cuda:0")
    take_peak_memory(device)
    pages = torch.zeros(64, 2**20, dtype=torch.uint8, device=device)
    del pages
    assert 64 <= take_peak_memory(device) < 128
    assert take_peak_memory(device) < 64
