"""What counts as the same network, and which cannot be trained."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docsort.errors import InputError, LeakError, WeightsError
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit
from docsort.stores import Store
from docsort.training.kind import NetworkKind, NetworkTask, begin_with
from docsort.work.executor import Needs

MakeTask = Callable[..., NetworkTask]


def with_tables(task: NetworkTask, **tables: Any) -> NetworkTask:
    return replace(task, split=replace(task.split, **tables))


def test_a_finished_network_is_known_by_its_files_and_its_record(make_task: MakeTask, tmp_path: Path) -> None:
    task, kind = make_task(epochs=1), NetworkKind()
    checkpoint = fit(task, Store(tmp_path))
    record = checkpoint.record() or {}
    assert (checkpoint.kind, record["epochs"], len(checkpoint.read_history())) == ("network", 1, 1)
    assert record["learnt_groups"] == sorted(set(task.split.training["group"]))
    assert kind.targets(checkpoint) == kind.load(checkpoint, "cpu").targets == (2, 5, 9)
    assert all((checkpoint.folder / name).is_file() for name in kind.files)


def test_errors_of_the_worker_arrive_as_they_are(make_task: MakeTask, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got 'lcnet_053'; did you mean .*lcnet_050"):
        fit(make_task(backbone="lcnet_053"), Store(tmp_path))
    assert not list(tmp_path.glob("*/complete.json"))


def test_key_counts_what_decides_the_weights(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    (tmp_path / "weights.pth").write_bytes(b"some weights")
    training, held_out = task.split.training, task.split.held_out
    tasks = [
        task,
        make_task(epochs=2),
        make_task(name="fold_1"),
        make_task(seed=2),
        make_task(pretrained=str(tmp_path / "weights.pth")),
        with_tables(task, training=training.iloc[:-1]),
        with_tables(task, training=training.iloc[::-1]),
        with_tables(task, training=training.assign(label=training["label"].replace(9, 5))),
        # what is held out chooses the epoch, so it decides the weights too
        with_tables(task, held_out=held_out.iloc[:-1]),
        with_tables(task, held_out=held_out.assign(label=held_out["label"].replace(9, 5))),
        with_tables(task, held_out=held_out.assign(path=held_out["path"].to_numpy()[::-1])),
    ]
    assert len({each.key() for each in tasks}) == len(tasks)


def test_key_does_not_count_folder_or_device(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    moved = [shutil.copy(path, tmp_path) for path in task.split.training["path"]]
    assert with_tables(task, training=task.split.training.assign(path=moved)).key() == task.key()
    assert make_task(device="auto", save_every_s=7, enabled=True).key() == task.key()


def test_key_changes_with_the_pixels_of_a_page_whatever_its_name(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task()
    for name in ("training", "held_out"):
        table = getattr(task.split, name)
        first, other = table["path"].iloc[0], table["path"].iloc[-1]
        changed = shutil.copy(other, tmp_path / Path(first).name)
        assert with_tables(task, **{name: table.assign(path=[changed, *table["path"].iloc[1:]])}).key() != task.key()


def test_key_counts_the_content_of_a_weights_file(make_task: MakeTask, tmp_path: Path) -> None:
    for name, content in (("a.pth", b"one"), ("b.pth", b"one"), ("c.pth", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (make_task(pretrained=str(tmp_path / name)).key() for name in ("a.pth", "b.pth", "c.pth"))
    assert a == b != c


def test_missing_weights_are_named_before_any_work(make_task: MakeTask) -> None:
    with pytest.raises(WeightsError, match=r"there is no file '/nowhere/w\.pth'"):
        make_task(pretrained="/nowhere/w.pth").check()


def test_a_network_that_begins_with_another_has_learnt_what_that_one_has(make_task: MakeTask, tmp_path: Path) -> None:
    general = fit(make_task(epochs=1), Store(tmp_path))
    special = begin_with(make_task(name="specialist_x_fold_0"), general)
    narrow = with_tables(special, training=special.split.training[special.split.training["label"] != 2])
    assert narrow.split.learnt_groups == sorted(set(make_task().split.training["group"]))
    assert narrow.parameters.highest_learning_rate == narrow.parameters.learning_rate.pretrained
    Store(tmp_path).complete("old", {"name": "fold_0"})
    with pytest.raises(LeakError, match="to say what was learnt there, but it does not; train it again"):
        begin_with(special, Checkpoint(tmp_path / "old", "old"))


def test_it_needs_the_devices_that_its_parameters_name(make_task: MakeTask) -> None:
    assert make_task(device="cuda", devices=2).needs == Needs("cuda", 2)
