"""What a training says of itself, and that it is the same training when it cannot."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback

from docsort.models.descriptions import WEIGHTS_FILE
from docsort.training import engine, progress
from docsort.training.checkpoints import HISTORY_FILE, Checkpoint
from docsort.training.engine import fit
from docsort.training.progress import ProgressFile, take_peak_memory
from docsort.training.tasks import FoldTask
from docsort.training.watching import PROGRESS_FILE

MakeTask = Callable[..., FoldTask]


def test_the_file_says_how_far_it_is(make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    write = ProgressFile._write

    def heard(self: ProgressFile, *args: Any) -> None:
        write(self, *args)
        said.append(json.loads((tmp_path / PROGRESS_FILE).read_text()))

    monkeypatch.setattr(ProgressFile, "_write", heard)
    monkeypatch.setattr(progress, "EVERY_S", 0)
    fit(make_task(epochs=2, batch_size=16), tmp_path, "cpu", 1)
    steps = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)]
    assert [(now["batch"], now["rows"]) for now in said] == [*steps, (1, 1), (2, 1), (3, 1), (3, 2)]
    assert [now["epoch"] for now in said] == [1] * 5 + [2] * 4
    assert {(now["epochs"], now["batches"]) for now in said} == {(2, 3)}
    assert said[0]["loss"] is None
    assert all(now["images_per_s"] > 0 for now in said[1:])
    assert said[3]["loss"] == pytest.approx(said[4]["loss"]) == pd.read_csv(tmp_path / HISTORY_FILE)["train_loss"][0]


def test_it_is_not_written_after_each_batch(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[object] = []
    monkeypatch.setattr(ProgressFile, "_write", lambda self, *_: writes.append(setattr(self, "written_at", math.inf)))
    fit(make_task(epochs=2, batch_size=4), tmp_path, "cpu", 1)
    assert len(writes) == 3


def test_weights_are_the_same_with_it_without_it_and_where_it_cannot_be_written(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task(epochs=2, drop_rate=0.2)
    (tmp_path / "broken" / PROGRESS_FILE).mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(progress, "EVERY_S", 0)
        for name in ("with", "broken"):
            fit(task, tmp_path / name, "cpu", 1)
    monkeypatch.setattr(engine, "ProgressFile", lambda folder: Callback())
    fit(task, tmp_path / "without", "cpu", 1)
    assert len({(tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("with", "broken", "without")}) == 1
    assert caplog.text.count("A training goes on, but no longer says in") == 1


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
