"""A training that was killed goes on and ends with the same weights, bit for bit."""

import io
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from docsort.errors import WeightsError
from docsort.members import fitting
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.stores import Store, sha256
from docsort.training.engine import fit
from docsort.training.kind import RESUME_FILE, NetworkTask
from docsort.training.resume import Position, ResumeFile

MakeTask = Callable[..., NetworkTask]


class KilledError(Exception):
    """Stands for the end of the process."""


def fit_until(task: NetworkTask, folder: Path, saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains until so many saves are done, and no further."""
    left = [saves]
    save = ResumeFile.save

    def counted(self: ResumeFile, *args: Any) -> None:
        save(self, *args)
        left[0] -= 1
        if not left[0]:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(ResumeFile, "save", counted)
        with pytest.raises(KilledError):
            fit(task, folder, "cpu", 1, "key")


def weights(folder: Path) -> bytes:
    return (folder / WEIGHTS_FILE).read_bytes()


CONFIGS = [
    {
        "drop_rate": 0.3,
        "jitter": 0.2,
        "schedule": "plateau",
        "plateau_patience": 0,
        "step_factor": 0.5,
        "loss": {"focal": 0.5},
    },
    {
        "mixup": 0.4,
        "cutmix": 1.0,
        "ema_decay": 0.9,
        "accumulate": 2,
        "clip_norm": 1.0,
        "optimizer": "lamb",
        "curriculum": [{"share": 0.3, "learning_rate": 0.5}, {"share": 0.7, "degrees": 10, "elastic": 0.01}],
    },
    pytest.param(
        {"schedule": "one_cycle", "sampling": "balanced", "backbone": "test_convnext"}, marks=pytest.mark.slow
    ),
    pytest.param(
        {"progressive_resizing": {"scale": 0.5, "share": 0.5}, "class_weights": "effective"}, marks=pytest.mark.slow
    ),
]


@pytest.mark.parametrize("changes", CONFIGS)
def test_goes_on_from_the_middle_of_an_epoch_and_from_its_end(
    make_task: MakeTask, tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(batch_size=8, save_every_s=0, **changes)
    fit(task, tmp_path / "unbroken", "cpu", 1, "key")
    for saves in (2, 6):  # of six batches an epoch
        folder = tmp_path / f"killed after {saves}"
        fit_until(task, folder, saves, monkeypatch)
        fit_until(task, folder, 1, monkeypatch)  # and once more
        fit(task, folder, "cpu", 1, "key")
        assert weights(folder) == weights(tmp_path / "unbroken"), saves
        assert not (folder / RESUME_FILE).exists()


def test_goes_on_where_it_was_and_not_from_the_beginning(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task(batch_size=8, save_every_s=0)
    fit_until(task, tmp_path, 8, monkeypatch)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="docsort"):
        record = fit(task, tmp_path, "cpu", 1, "key")
    assert any("fold_0 goes on in epoch 2/3, after 2 batches of it" in line for line in caplog.messages)
    assert not any("epoch 1/3 loss" in line for line in caplog.messages)
    assert record["epochs"] == 3


def test_nothing_is_saved_more_often_than_asked(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = []
    monkeypatch.setattr(ResumeFile, "save", lambda self, position, state: positions.append(position))
    fit(make_task(batch_size=8, save_every_s=1000), tmp_path, "cpu", 1, "key")
    assert positions == [Position(1, 0, 6), Position(2, 0, 12)]


def test_what_belongs_to_another_training_is_refused_by_name(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(batch_size=8, save_every_s=0)
    fit_until(task, tmp_path, 1, monkeypatch)
    with pytest.raises(WeightsError, match="belong to the training other, but it belongs to key"):
        fit(task, tmp_path, "cpu", 1, "other")


@dataclass(frozen=True)
class Kept:
    """What a training leaves in the end, and what one leaves that is killed in its middle."""

    weights: bytes
    begun: bytes


@pytest.fixture(scope="module")
def kept(make_task: MakeTask, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")
    fit(make_task(batch_size=8), folder / "unbroken", "cpu", 1, "key")
    with pytest.MonkeyPatch.context() as patch:
        fit_until(make_task(batch_size=8, save_every_s=0), folder / "hurt", 4, patch)
    assert ResumeFile(folder / "hurt", "key", 0).load() is not None
    return Kept(weights(folder / "unbroken"), (folder / "hurt" / RESUME_FILE).read_bytes())


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[:-100],
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: bytes(len(data)),
        lambda data: data[64:],  # of before there were sums
    ],
)
def test_what_is_damaged_is_told_and_the_training_begins_anew(
    make_task: MakeTask,
    tmp_path: Path,
    harm: Callable[[bytes], bytes],
    kept: Kept,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / RESUME_FILE
    path.write_bytes(harm(kept.begun))
    fit(make_task(batch_size=8), tmp_path, "cpu", 1, "key")
    assert f"{path} is damaged or of another version: the training begins anew" in caplog.messages
    assert weights(tmp_path) == kept.weights


def test_a_file_that_would_run_code_is_not_read(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "it ran"),)

    buffer = io.BytesIO()
    torch.save({"format": 3, "key": "key", "position": {}, "state": Trap()}, buffer)
    (tmp_path / RESUME_FILE).write_bytes(sha256(buffer.getvalue()).encode() + buffer.getvalue())
    assert ResumeFile(tmp_path, "key", 0).load() is None
    assert not (tmp_path / "it ran").exists()


SCRIPT = """
import pickle, sys
from pathlib import Path
from docsort.stores import Store
from docsort.members.fitting import fit
if __name__ == "__main__":
    task = pickle.loads(Path(sys.argv[1]).read_bytes())
    fit(task, Store(Path(sys.argv[2])))
"""


def test_a_run_that_is_killed_goes_on_to_the_same_weights(make_task: MakeTask, tmp_path: Path) -> None:
    """The real thing: SIGKILL to all processes of a run, in the middle of an epoch."""
    import pickle

    task = make_task(batch_size=4, epochs=8, patience=8, save_every_s=0.1)
    (tmp_path / "task").write_bytes(pickle.dumps(task))
    (tmp_path / "run.py").write_text(SCRIPT)

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "task"), str(tmp_path / "killed")]
        return subprocess.Popen(command, start_new_session=True)

    run, deadline = start(), time.monotonic() + 120
    while not list((tmp_path / "killed").glob(f"*/{RESUME_FILE}")):
        assert run.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "nothing was saved in two minutes"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not list((tmp_path / "killed").glob("*/complete.json"))
    assert start().wait() == 0
    (killed,) = (tmp_path / "killed").glob("*")
    unbroken = fitting.fit(task, Store(tmp_path / "unbroken"))
    assert weights(killed) == weights(unbroken.folder)
