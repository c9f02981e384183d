"""The one way that members are trained, on a kind of member that takes no time."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coloured_pages import Tables, make_split
from notes import Notes
from toy_kind import COLOURS, ToyKind, ToyParameters, ToyTask
from toy_variants import DyingTask

from docsort.errors import InputError, LeakError, WorkerError
from docsort.members import fitting
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import by_content, fit, fit_all
from docsort.members.splits import Split
from docsort.stores import LOCK, RECORD, Store
from docsort.work.executor import Lease
from docsort.work.progress import Job, listening

LEASE = Lease(("cpu",), 1)


@pytest.fixture
def make(tables: Tables) -> Callable[..., ToyTask]:
    def make_task(name: str = "toy_fold_0", fold: int = 0, **changes: Any) -> ToyTask:
        return ToyKind().task(name, make_split(tables, fold), ToyParameters(**changes), seed=1)

    return make_task


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tasks run in this process; their names as they begin."""
    begun: list[str] = []

    def run(function: Any, task: ToyTask, folder: Path, needs: Any, on_event: Any) -> Any:
        begun.append(task.name)
        return function(task, folder, LEASE)

    monkeypatch.setattr(fitting, "run", run)
    return begun


def test_a_member_is_trained_once_and_found_again_by_its_key(
    make: Callable[..., ToyTask], here: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    first = fit(make(), store)
    assert first == Checkpoint(store.folder(make().key()), make().key())
    stamp = (first.folder / COLOURS).stat().st_mtime_ns
    with caplog.at_level(logging.INFO, logger="docsort"):
        assert fit(make(), store) == first
    assert caplog.messages == ["toy_fold_0: cached, already trained"]
    assert (first.folder / COLOURS).stat().st_mtime_ns == stamp
    other = fit(make(fold=1), store)
    assert other.key != first.key
    assert here == ["toy_fold_0"] * 2


def test_the_record_says_what_it_is_and_all_that_it_may_have_learnt_from(
    make: Callable[..., ToyTask], here: list[str], tables: Tables, tmp_path: Path
) -> None:
    task = make()
    record = fit(replace(task, split=replace(task.split, learnt_before=("z",))), Store(tmp_path)).record() or {}
    folds = tables[0]
    assert record["learnt_groups"] == [*sorted(folds.loc[folds["fold"] != 0, "group"]), "z"]
    assert (record["name"], record["kind"], record["device"]) == ("toy_fold_0", "toy", "cpu")
    assert record["pages"] == len(task.split.training)


def test_the_record_is_written_last(
    make: Callable[..., ToyTask], here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, run = [], ToyTask.run

    def look(task: ToyTask, folder: Path, lease: Lease) -> Any:
        record = run(task, folder, lease)
        names = {path.name for path in folder.iterdir()}
        seen.append((names - {LOCK}, Checkpoint(folder, "").is_complete()))
        return record

    monkeypatch.setattr(ToyTask, "run", look)
    checkpoint = fit(make(), Store(tmp_path))
    assert seen == [({COLOURS}, False)]
    assert checkpoint.is_complete()


def test_two_runs_that_share_a_store_train_a_member_once_and_the_second_waits_for_it(
    make: Callable[..., ToyTask], here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, both = [], threading.Barrier(2, timeout=20)
    run, making = ToyTask.run, Store.making

    def count(task: ToyTask, folder: Path, lease: Lease) -> Any:
        trained.append(task.name)
        return run(task, folder, lease)

    def meet(store: Store, key: str) -> Any:
        both.wait()  # neither found it finished
        return making(store, key)

    monkeypatch.setattr(ToyTask, "run", count)
    monkeypatch.setattr(Store, "making", meet)
    found: list[Checkpoint] = []
    threads = [threading.Thread(target=lambda: found.append(fit(make(), Store(tmp_path)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trained == ["toy_fold_0"]
    assert found[0] == found[1]
    assert found[0].is_complete()


def test_a_run_that_dies_in_the_middle_does_not_count(make: Callable[..., ToyTask], tmp_path: Path) -> None:
    """In a real worker, which is killed when every file of the member is there."""
    task, store = make(), Store(tmp_path)
    with pytest.raises(WorkerError, match="A worker process died while it ran"):
        fit(DyingTask(**vars(task)), store)
    checkpoint = Checkpoint(store.folder(task.key()), task.key())
    assert (checkpoint.folder / COLOURS).is_file()
    assert not checkpoint.is_complete()
    (checkpoint.folder / COLOURS).write_text("half")
    assert fit(task, store) == checkpoint
    assert checkpoint.is_complete()
    assert ToyKind().targets(checkpoint) == (2, 5, 9)


@pytest.mark.parametrize("name", [COLOURS, RECORD])
@pytest.mark.parametrize("harm", [lambda data: data[:-5], lambda data: data.replace(b"a", b"b"), lambda data: b""])
def test_what_is_damaged_is_named_and_trained_again(
    make: Callable[..., ToyTask],
    here: list[str],
    tmp_path: Path,
    name: str,
    harm: Callable[[bytes], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    checkpoint = fit(make(), Store(tmp_path))
    path = checkpoint.folder / name
    before = path.read_bytes()
    path.write_bytes(harm(before if name == RECORD else before.replace(b"1", b"a")))
    assert fit(make(), Store(tmp_path)) == checkpoint
    assert path.read_bytes() == before
    assert here == ["toy_fold_0"] * 2
    assert any(str(checkpoint.folder) in line and name in line for line in caplog.messages)


def leaky(split: Split) -> Split:
    return replace(split, training=split.training.replace({"group": {"g03": "g00"}}))


@pytest.mark.parametrize("how", ["fit", "fit_all"])
def test_what_shares_a_group_is_refused_before_any_task_begins(
    make: Callable[..., ToyTask], here: list[str], tmp_path: Path, how: str
) -> None:
    good, task = make(), make("other_fold_0")
    assert {"g00", "g03"} <= set(task.split.training["group"]) | set(task.split.held_out["group"])
    bad = replace(task, split=leaky(task.split))
    with pytest.raises(LeakError, match="no group of pages on both sides of other_fold_0, but g00"):
        fit(bad, Store(tmp_path)) if how == "fit" else fit_all([good, bad], Store(tmp_path))
    assert here == []
    assert not list(tmp_path.iterdir())


def test_what_a_kind_refuses_is_refused_before_any_task_begins(
    make: Callable[..., ToyTask], here: list[str], tmp_path: Path
) -> None:
    wrong = replace(make("wrong_fold_0"), parameters=ToyParameters(size=2000))
    with pytest.raises(InputError, match="Expected a size of at most 1000, but got 2000"):
        fit_all([make(), wrong], Store(tmp_path))
    assert here == []


def test_a_missing_render_is_one_sentence(make: Callable[..., ToyTask], here: list[str], tmp_path: Path) -> None:
    task = make()
    paths = ["/nowhere/a.jpg", *task.split.training["path"].iloc[1:]]
    lacking = replace(task.split, training=task.split.training.assign(path=paths))
    with pytest.raises(InputError, match=r"1 are missing: /nowhere/a\.jpg; run the augmentation again\.$"):
        fit(replace(task, split=lacking), Store(tmp_path))
    assert here == []


def test_a_table_by_content_does_not_know_where_its_files_lie(make: Callable[..., ToyTask], tmp_path: Path) -> None:
    table = make().split.training
    moved = []
    for number, path in enumerate(table["path"]):
        moved.append(str(tmp_path / f"{number}.png"))
        Path(moved[-1]).write_bytes(Path(path).read_bytes())
    assert by_content(table.assign(path=moved)).equals(by_content(table))
    assert not by_content(table.assign(path=moved[::-1])).equals(by_content(table))


def test_all_tasks_are_under_way_at_once(
    make: Callable[..., ToyTask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits until all of them have begun, so one after the other none would ever end."""
    together = threading.Barrier(3, timeout=20)

    def run(function: Any, task: ToyTask, folder: Path, needs: Any, on_event: Any) -> Any:
        together.wait()
        return function(task, folder, LEASE)

    monkeypatch.setattr(fitting, "run", run)
    tasks = [make(name) for name in ("c", "a", "b")]
    found = fit_all(tasks, Store(tmp_path))
    assert [checkpoint.key for checkpoint in found] == [task.key() for task in tasks]
    assert [(checkpoint.record() or {})["name"] for checkpoint in found] == ["c", "a", "b"]
    assert fit_all([], Store(tmp_path)) == []


def test_the_others_come_to_their_end_when_one_fails(
    make: Callable[..., ToyTask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def run(function: Any, task: ToyTask, folder: Path, needs: Any, on_event: Any) -> Any:
        if task.name == "a":
            failed.set()
            raise WorkerError("a worker died")
        assert failed.wait(20)
        return function(task, folder, LEASE)

    monkeypatch.setattr(fitting, "run", run)
    with pytest.raises(WorkerError, match="a worker died"):
        fit_all([make("a"), make("b")], Store(tmp_path))
    assert Store(tmp_path).record(make("b").key()) is not None
    assert Store(tmp_path).record(make("a").key()) is None


def test_listeners_are_told_of_each_training_and_of_what_was_cached(
    make: Callable[..., ToyTask], tmp_path: Path
) -> None:
    task, notes = make(), Notes()
    with listening(notes):
        fit(task, Store(tmp_path))
        fit(task, Store(tmp_path))
        with pytest.raises(WorkerError):
            fit(DyingTask(**vars(make("dies"))), Store(tmp_path))
    again = ["began", "began"]  # where a worker dies, the work is tried once more
    assert [what for what, _ in notes.heard] == ["began", "finished", "kept", *again, "failed"]
    assert notes.of("began")[0] == Job("toy_fold_0", "toy", task.parameters.model_dump(mode="json"), 1, "cpu")
