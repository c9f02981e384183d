"""What counts as the same task, what cannot be trained, and that finished work is kept."""

import dataclasses
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError, LeakError, WeightsError
from docsort.stores import Store
from docsort.training.tasks import FoldTask, check_task, task_key, train

MakeTask = Callable[..., FoldTask]


def test_finished_task_is_not_trained_again(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    first = train(make_task(epochs=1), store)
    assert first.is_complete()
    assert len(first.read_history()) == 1
    assert first.record()["learnt_groups"] == sorted(set(make_task(epochs=1).training["group"].astype(str)))
    changed = (first.folder / "model.safetensors").stat().st_mtime_ns
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="docsort"):
        assert train(make_task(epochs=1), store) == first
    assert caplog.messages == ["fold_0: kept, already trained"]
    assert (first.folder / "model.safetensors").stat().st_mtime_ns == changed


def test_unfinished_task_is_trained_again(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task(epochs=1)
    folder = Store(tmp_path).folder(task_key(task))
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"half")
    checkpoint = train(task, Store(tmp_path))
    assert (checkpoint.record() or {})["epochs"] == 1
    assert (folder / "model.safetensors").stat().st_size > 1000


def test_errors_of_the_worker_arrive_as_they_are(make_task: MakeTask, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got 'lcnet_053'; did you mean .*lcnet_050"):
        train(make_task(backbone="lcnet_053"), Store(tmp_path))
    assert not list(tmp_path.glob("*/complete.json"))


def test_key_counts_what_decides_the_weights(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    (tmp_path / "weights.pth").write_bytes(b"some weights")
    keys = [
        task_key(task),
        task_key(make_task(epochs=2)),
        task_key(make_task(name="fold_1")),
        task_key(make_task(seed=2)),
        task_key(make_task(pretrained=str(tmp_path / "weights.pth"))),
        task_key(dataclasses.replace(task, training=task.training.iloc[:-1])),
        task_key(dataclasses.replace(task, training=task.training.iloc[::-1])),
    ]
    assert len(set(keys)) == len(keys)


def test_key_does_not_count_folder_or_device(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    (tmp_path / "moved").mkdir()
    moved = [shutil.copy(path, tmp_path / "moved") for path in task.training["path"]]
    assert task_key(dataclasses.replace(task, training=task.training.assign(path=moved))) == task_key(task)
    assert task_key(make_task(device="auto")) == task_key(task)


def test_key_changes_with_the_pixels(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    first, other = task.training["path"].iloc[0], task.training["path"].iloc[-1]
    changed = tmp_path / Path(first).name
    shutil.copy(other, changed)
    paths = [str(changed), *task.training["path"].iloc[1:]]
    assert task_key(dataclasses.replace(task, training=task.training.assign(path=paths))) != task_key(task)


def test_key_counts_the_content_of_a_weights_file(make_task: MakeTask, tmp_path: Path) -> None:
    for name, content in (("a.pth", b"one"), ("b.pth", b"one"), ("c.pth", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (task_key(make_task(pretrained=str(tmp_path / name))) for name in ("a.pth", "b.pth", "c.pth"))
    assert a == b != c


def test_missing_renders_and_weights_are_named_before_any_work(make_task: MakeTask) -> None:
    task = make_task()
    paths = ["/nowhere/a.jpg", *task.training["path"].iloc[1:]]
    with pytest.raises(InputError, match=r"1 are missing: /nowhere/a\.jpg"):
        task_key(dataclasses.replace(task, training=task.training.assign(path=paths)))
    with pytest.raises(WeightsError, match=r"there is no file '/nowhere/w\.pth'"):
        task_key(make_task(pretrained="/nowhere/w.pth"))


def _changed(task: FoldTask, training: pd.DataFrame | None = None, validation: pd.DataFrame | None = None) -> FoldTask:
    tables = {"training": training, "validation": validation}
    return dataclasses.replace(task, **{name: table for name, table in tables.items() if table is not None})


def test_training_needs_two_classes(make_task: MakeTask) -> None:
    task = make_task()
    for training in (task.training.iloc[:0], task.training[task.training["label"] == 2]):
        with pytest.raises(InputError, match=r"at least two classes to train fold_0 on, but got \d+ renders of [01]"):
            check_task(_changed(task, training=training))


def test_labels_outside_the_task_are_named(make_task: MakeTask) -> None:
    task = make_task()
    strange = task.validation.assign(label=77)
    with pytest.raises(InputError, match="validation labels of fold_0 to be among its classes 2, 5, 9, but got 77"):
        check_task(_changed(task, validation=strange))


def test_both_views_are_needed(make_task: MakeTask) -> None:
    task = make_task()
    clean = task.validation[task.validation["view"] == "clean"]
    with pytest.raises(InputError, match="but test_like has none"):
        check_task(_changed(task, validation=clean))


def test_group_on_both_sides_is_a_leak(make_task: MakeTask) -> None:
    task = make_task()
    leaky = task.validation.assign(group=task.training["group"].iloc[0])
    with pytest.raises(LeakError, match="but 2_0 is in training and in validation"):
        check_task(_changed(task, validation=leaky))


def test_missing_column_is_named(make_task: MakeTask) -> None:
    task = make_task()
    with pytest.raises(InputError, match="group is missing"):
        check_task(_changed(task, training=task.training.drop(columns="group")))
