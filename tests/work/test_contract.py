"""What every executor promises, tried on each: on workers of this machine and on Ray."""

import logging
import math
import operator
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from errands import (
    be_deaf,
    die_at_first,
    echo,
    log_and_report,
    report_and_fail,
    report_each,
    report_from_threads,
    touch_later,
    wait_for,
)

from docsort.errors import InputError, StoppedError, WorkerError
from docsort.work.devices import DeviceLeases, Lease, Needs
from docsort.work.local import LocalExecutor, worker_count
from docsort.work.pool_executor import PoolExecutor
from docsort.work.progress import Began
from docsort.work.worker import ENVIRONMENT

HANG_S = 60
"""By then something hangs."""

slowly_on_ray = pytest.mark.parametrize("work", ["local", pytest.param("ray", marks=pytest.mark.slow)], indirect=True)
"""What ends a process of Ray costs a second of its start."""


@pytest.fixture(params=["local", "ray"])
def work(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PoolExecutor]:
    """Two workers and, as it is told, two GPUs."""
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    if request.param == "ray":
        made: PoolExecutor = request.getfixturevalue("on_ray")
        made.open()
        yield made
    else:
        made = LocalExecutor(DeviceLeases(lambda: 2, worker_count))
        yield made
        made.stop()


def run(work: PoolExecutor, function: Any, *args: Any, on_event: Any = None) -> Any:
    return work.submit(function, *args, on_event=on_event).result(HANG_S)


def test_every_task_is_done_once(work: PoolExecutor) -> None:
    results = list(work.map(operator.mul, [(k, 2) for k in range(50)]))
    assert sorted(results) == [2 * k for k in range(50)]


def test_an_error_of_the_task_arrives_as_it_is_and_the_workers_live_on(work: PoolExecutor) -> None:
    with pytest.raises(ValueError, match=r"^\d+$") as caught:
        run(work, exec, "import os; raise ValueError(os.getpid())")
    assert int(str(caught.value)) != os.getpid()
    assert psutil.pid_exists(int(str(caught.value)))
    with pytest.raises(ZeroDivisionError, match="division"):
        list(work.map(operator.truediv, [(1, 1), (1, 0)]))
    assert run(work, math.sqrt, 4.0) == 2.0


def test_a_task_whose_worker_is_killed_is_tried_once_more_with_a_warning_and_comes_to_the_same(
    work: PoolExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    assert work.submit(die_at_first, tmp_path / "once", on_event=heard.append).result(HANG_S) == 1
    assert heard == [Began(), 0, Began(), 1]
    (warning,) = caplog.messages
    assert re.fullmatch(
        r"A worker process (on \S+ )?died while it ran die_at_first \(once\); most often memory ran out\. It is tried "
        r"once more in another\.",
        warning,
    )


@slowly_on_ray
def test_a_second_death_is_the_error_of_the_task(work: PoolExecutor, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="died while it ran die_at_first"):
        run(work, die_at_first, tmp_path / "twice", 2)
    assert (tmp_path / "twice").read_text() == "xx"


@slowly_on_ray
@pytest.mark.parametrize("how", ["stop", "close", "cancel"])
def test_what_is_ended_on_purpose_is_not_tried_again(
    work: PoolExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    heard: list[Any] = []
    task = work.submit(be_deaf, tmp_path / "begun", on_event=heard.append)
    wait_until((tmp_path / "begun").exists)
    getattr(task if how == "cancel" else work, how)()
    with pytest.raises(StoppedError, match="be_deaf was stopped"):
        task.result(HANG_S)
    assert heard == [Began()]
    assert not caplog.messages


@slowly_on_ray
@pytest.mark.parametrize("used", [False, True])
def test_after_close_other_threads_get_nothing_done_until_open_or_until_the_main_thread_begins(
    work: PoolExecutor, used: bool
) -> None:
    with ThreadPoolExecutor(1) as another:
        for begin in (work.open, lambda: run(work, abs, -1)):
            if used:
                assert another.submit(run, work, abs, -1).result() == 1
            work.close()
            with pytest.raises(StoppedError, match="abs was stopped"):
                another.submit(run, work, abs, -1).result()
            begin()
            assert another.submit(run, work, abs, -2).result() == 2
        work.open()
        assert run(work, abs, -2) == 2


@slowly_on_ray
def test_a_dead_worker_is_one_clear_error_and_the_others_work_on(work: PoolExecutor, tmp_path: Path) -> None:
    beside = work.submit(wait_for, tmp_path / "go")
    with pytest.raises(WorkerError, match=r"died while it ran _exit.*DOCSORT_WORKERS"):
        run(work, os._exit, 1)
    assert run(work, math.sqrt, 9.0) == 3.0
    (tmp_path / "go").touch()
    assert beside.result(HANG_S) is None
    with pytest.raises(WorkerError, match="died while it ran _exit"):
        list(work.map(os._exit, [(1,)]))
    assert run(work, math.sqrt, 16.0) == 4.0


@slowly_on_ray
def test_at_most_twice_as_many_tasks_as_workers_are_under_way(work: PoolExecutor) -> None:
    taken: list[int] = []
    results = work.map(abs, ((taken.append(k) or k,) for k in range(50)))  # type: ignore[func-returns-value]
    next(results)
    assert len(taken) == 4
    assert len(list(results)) == 49


@slowly_on_ray
def test_a_consumer_that_stops_early_leaves_no_work_behind(work: PoolExecutor, tmp_path: Path) -> None:
    def some() -> Iterator[Any]:
        yield from work.map(touch_later, [(tmp_path / str(number),) for number in range(4)])

    assert len(list(some())) == len(list(tmp_path.iterdir())) == 4
    for file in tmp_path.iterdir():
        file.unlink()
    results = work.map(touch_later, [(tmp_path / str(number),) for number in range(4)])
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert run(work, math.sqrt, 4.0) == 2.0
    left = len(list(tmp_path.iterdir()))
    time.sleep(1)
    assert left == len(list(tmp_path.iterdir())) < 4


@slowly_on_ray
def test_a_task_that_fails_ends_the_others_of_its_map_and_nothing_else(work: PoolExecutor, tmp_path: Path) -> None:
    beside = work.submit(wait_for, tmp_path / "go")
    with pytest.raises(ValueError, match="sleep length must be non-negative"):
        list(work.map(time.sleep, [(-1,), (600,), (600,)]))
    (tmp_path / "go").touch()
    assert beside.result(HANG_S) is None
    assert run(work, math.sqrt, 4.0) == 2.0


def test_lines_of_a_worker_are_there_when_its_result_is(work: PoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="docsort"):
        for number in range(20):
            text = f"import logging; logging.getLogger('docsort.training').info('page {number} of %d', 7)"
            run(work, exec, text)
    assert caplog.messages == [f"page {number} of 7" for number in range(20)]
    assert caplog.records[0].name == "docsort.training"
    assert caplog.records[0].process != os.getpid()


def test_events_come_in_order_before_the_result_to_whom_asked_for_the_work(work: PoolExecutor) -> None:
    heard: dict[int, list[Any]] = {first: [] for first in range(0, 500, 100)}
    tasks = {first: work.submit(report_each, 50, first, on_event=events.append) for first, events in heard.items()}
    for first, task in tasks.items():
        assert task.result(HANG_S) == 50
        assert heard[first] == [Began(), *range(first, first + 50)]


def test_events_are_heard_before_an_error_too(work: PoolExecutor) -> None:
    heard: list[Any] = []
    with pytest.raises(ValueError, match="no more pages") as caught:
        run(work, report_and_fail, on_event=heard.append)
    assert heard == [Began(), "begun"]
    assert ", in report_and_fail" in str(caught.value.__cause__)


def test_threads_of_a_worker_may_report_at_once(work: PoolExecutor) -> None:
    heard: list[Any] = []
    run(work, report_from_threads, 200, on_event=heard.append)
    assert sorted(heard[1:]) == list(range(400))


def test_lines_and_events_go_the_same_way(work: PoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    run(work, log_and_report, on_event=lambda event: None)
    assert caplog.messages == ["first", "third"]


@slowly_on_ray
def test_a_task_that_needs_a_device_is_given_its_lease_last(work: PoolExecutor) -> None:
    assert work.submit(echo, "page", needs=Needs("cpu")).result(HANG_S) == ("page", Lease(("cpu",), 2))
    assert work.submit(echo, "page").result(HANG_S) == ("page",)
    heard: list[Any] = []
    word, lease = work.submit(echo, "page", needs=Needs("auto", 2), on_event=heard.append).result(HANG_S)
    assert (word, lease) == ("page", Lease(("cuda:0", "cuda:1"), 2))
    assert heard == [Began(("cuda:0", "cuda:1"))]
    assert work.concurrent("auto") == work.concurrent("cuda") == 2
    assert work.concurrent("cpu") == work.workers == 2


def test_a_device_that_is_not_there_is_an_error_of_the_task(work: PoolExecutor) -> None:
    with pytest.raises(InputError, match=r"^Expected .*, but .*(cuda:7|leaves 2|has 2)"):
        work.submit(echo, needs=Needs("cuda", 3)).result(HANG_S)
    with pytest.raises(InputError, match="'cuda:7'"):
        work.submit(echo, needs=Needs("cuda:7")).result(HANG_S)


def test_a_worker_is_held_to_one_thread_and_stands_where_this_process_does(
    work: PoolExecutor,
) -> None:
    assert [run(work, os.getenv, name) for name in ENVIRONMENT] == list(ENVIRONMENT.values())
    assert run(work, os.getcwd) == str(Path.cwd())


def test_what_cannot_be_sent_is_an_error_of_the_call_and_of_no_other(work: PoolExecutor) -> None:
    with pytest.raises(AttributeError, match="Can't pickle local object"):
        run(work, lambda: 1)
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        run(work, eval, "(page for page in ())")
    assert run(work, abs, -1) == 1


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
