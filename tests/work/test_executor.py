"""Which executor a process has, and what its short forms do."""

import os
from typing import Any

import pytest
from errands import echo, report_each

from docsort.errors import InputError
from docsort.work import executor as module
from docsort.work.executor import Executor, Lease, Needs, executor, run, stop_work
from docsort.work.local import LocalExecutor
from docsort.work.ray import RayExecutor


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "2")


def test_a_process_has_one_and_it_is_the_local_one_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCSORT_EXECUTOR", raising=False)
    assert isinstance(executor(), LocalExecutor)
    assert executor() is executor()
    by_default = executor()
    monkeypatch.setenv("DOCSORT_EXECUTOR", "local")
    assert executor() is by_default


def test_another_is_one_entry_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    other: Executor = LocalExecutor()
    monkeypatch.setitem(module.EXECUTORS, "other", lambda: other)
    monkeypatch.setenv("DOCSORT_EXECUTOR", "other")
    assert executor() is other


@pytest.mark.parametrize("name", ["nonsense", "", "nonsense://head:6379", "local://head:6379"])
def test_one_that_is_not_known_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DOCSORT_EXECUTOR", name)
        expected = f"^Expected DOCSORT_EXECUTOR to be local, ray or ray://host:port, but got '{name}'.$"
        with pytest.raises(InputError, match=expected):
            executor()


def test_the_one_on_ray_is_made_once_for_each_cluster_and_starts_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name in ("ray", "ray", "ray://head:6379", "ray://head:6379"):
        with monkeypatch.context() as patch:
            patch.setenv("DOCSORT_EXECUTOR", name)
            made.append(executor())
    assert made[0] is made[1]
    assert made[2] is made[3]
    assert made[0] is not made[2]
    assert all(isinstance(each, RayExecutor) for each in made)


@pytest.mark.usefixtures("own_workers")
def test_run_waits_for_the_result_and_hands_on_what_is_needed_and_heard() -> None:
    heard: list[Any] = []
    assert run(report_each, 3, on_event=heard.append) == 3
    assert heard[1:] == [0, 1, 2]
    assert run(echo, "page", needs=Needs("cpu")) == ("page", Lease(("cpu",), 2))


@pytest.mark.usefixtures("own_workers")
def test_stopped_work_begins_anew_in_other_processes() -> None:
    first = run(os.getpid)
    assert run(os.getpid) == first
    stop_work()
    assert run(os.getpid) != first


def test_it_tells_how_many_work_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert executor().workers == executor().concurrent("cpu") == 2
    monkeypatch.setenv("DOCSORT_WORKERS", "5")
    assert executor().workers == executor().concurrent("cpu") == 5
