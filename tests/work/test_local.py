"""The pool of workers: what it promises, and that nobody waits in vain when it is stopped."""

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import pytest
from errands import be_deaf, echo, hold

from docsort.errors import InputError, StoppedError
from docsort.work.devices import DeviceLeases, Lease, Needs
from docsort.work.local import LocalExecutor, worker_count

HANG_S = 30
"""By then something hangs."""


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExecutor]:
    """Two workers and, as it is told, two GPUs."""
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    made = LocalExecutor(DeviceLeases(lambda: 2, worker_count))
    yield made
    made.stop()


def run(local: LocalExecutor, function: Any, *args: Any) -> Any:
    return local.submit(function, *args).result(HANG_S)


def test_work_is_done_in_other_processes_that_are_kept(local: LocalExecutor) -> None:
    first = run(local, os.getpid)
    assert first != os.getpid()
    assert {run(local, os.getpid) for _ in range(6)} == {first}


def test_a_task_that_is_cancelled_before_it_begins_is_over_at_once(local: LocalExecutor, tmp_path: Path) -> None:
    """As `concurrent.futures.wait` sees it, which does not count what is cancelled and not yet taken from the queue."""
    blocking = [local.submit(be_deaf, tmp_path / str(number), needs=Needs("cuda")) for number in range(2)]
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    waiting = [local.submit(abs, -1), local.submit(abs, -1, needs=Needs("cuda"))]
    assert not wait(waiting, timeout=0.2).done
    assert all(task.cancel() for task in waiting)
    assert not wait(waiting, timeout=1).not_done
    assert all(task.cancel() and task.cancelled() for task in waiting)
    assert not any(task.done() for task in blocking)


def test_a_worker_that_died_while_it_had_nothing_to_do_is_replaced(local: LocalExecutor) -> None:
    pid = run(local, os.getpid)
    os.kill(pid, 9)
    time.sleep(0.2)
    assert run(local, os.getpid) != pid


def test_stop_ends_also_what_is_deaf_to_sigterm_and_nobody_waits_on(local: LocalExecutor, tmp_path: Path) -> None:
    """As Lightning is while it trains. Of these six two run, two wait for a worker, and two for a GPU."""
    begun = [tmp_path / str(number) for number in range(2)]
    deaf = [local.submit(be_deaf, path, needs=Needs("cuda")) for path in begun]
    wait_until(lambda: all(path.exists() for path in begun))
    tasks: list[Future[Any]] = [*deaf, *(local.submit(abs, 1) for _ in range(2))]
    tasks += [local.submit(max, 1, needs=Needs("cuda")) for _ in range(2)]
    assert not any(task.done() for task in tasks)
    local.stop()
    assert not wait(tasks, timeout=HANG_S).not_done
    for task in tasks:
        with pytest.raises(StoppedError, match=r"was stopped .*; run again to go on"):
            task.result()
    assert run(local, math.sqrt, 9.0) == 3.0


def test_what_is_submitted_while_it_stops_is_done_or_fails_and_never_hangs(local: LocalExecutor) -> None:
    tasks: list[Future[Any]] = []
    over = threading.Event()

    def submit() -> None:
        while not over.is_set():
            tasks.append(local.submit(abs, -1))
            time.sleep(0.001)

    thread = threading.Thread(target=submit)
    thread.start()
    for stop in range(100):  # on a busy machine a stop may find nothing under way
        time.sleep(0.1)
        local.stop()
        if stop >= 5 and any(task.done() and task.exception() is not None for task in tasks[:]):
            break
    over.set()
    thread.join()
    assert not wait(tasks, timeout=HANG_S).not_done
    errors = {type(task.exception()) for task in tasks}
    assert errors <= {type(None), StoppedError}
    assert StoppedError in errors


def test_stop_ends_also_what_waits_for_a_device_that_others_keep() -> None:
    devices = DeviceLeases(lambda: 1, worker_count)
    local = LocalExecutor(devices)
    with devices.lease("cuda"):
        task = local.submit(echo, needs=Needs("cuda"))
        with pytest.raises(TimeoutError, match="^$"):
            task.result(0.5)
        local.stop()
        with pytest.raises(StoppedError, match="stopped while it waited for a device"):
            task.result(HANG_S)


def test_a_task_that_gets_its_device_after_a_stop_is_stopped_too() -> None:
    counting, stopped = threading.Event(), threading.Event()

    def count() -> int:
        counting.set()
        stopped.wait(HANG_S)
        return 1

    local = LocalExecutor(DeviceLeases(count, worker_count))
    task = local.submit(echo, needs=Needs("cuda"))
    assert counting.wait(HANG_S)
    local.stop()
    stopped.set()
    with pytest.raises(StoppedError, match="echo was stopped"):
        task.result(HANG_S)


def test_a_task_that_needs_a_device_is_given_its_lease_last(local: LocalExecutor) -> None:
    word, lease = local.submit(echo, "page", needs=Needs("cuda")).result(HANG_S)
    assert word == "page"
    assert lease in [Lease((f"cuda:{number}",), 2) for number in range(2)]
    both = local.submit(echo, needs=Needs("cuda", 2)).result(HANG_S)
    assert both == (Lease(("cuda:0", "cuda:1"), 2),)
    assert local.submit(echo, needs=Needs("cpu")).result(HANG_S) == (Lease(("cpu",), 2),)
    assert local.submit(echo, "page").result(HANG_S) == ("page",)


def test_a_device_that_is_not_there_is_an_error_of_the_task(local: LocalExecutor) -> None:
    task = local.submit(echo, needs=Needs("cuda:7"))
    with pytest.raises(InputError, match="the device 'cuda:7' to be there, but torch sees cuda:0, cuda:1"):
        task.result(HANG_S)


@pytest.mark.parametrize(("needs", "gpus"), [(Needs("auto"), 2), (Needs("cuda:1"), 2), (Needs("cuda", 2), 2)])
def test_two_tasks_never_hold_one_gpu_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, needs: Needs, gpus: int
) -> None:
    """On the CPU, which many may hold, the same tasks do."""
    monkeypatch.setenv("DOCSORT_WORKERS", "4")
    found = {}
    for device, wanted in (("cpu", Needs("cpu")), ("gpu", needs)):
        (tmp_path / device).mkdir()
        executor = LocalExecutor(DeviceLeases(lambda: gpus, worker_count))
        try:
            tasks = [executor.submit(hold, tmp_path / device, needs=wanted) for _ in range(12)]
            found[device] = max(task.result(HANG_S) for task in tasks)
        finally:
            executor.stop()
    assert found["cpu"] > 1
    assert found["gpu"] == 1


def test_a_task_that_waits_for_a_gpu_keeps_no_worker(local: LocalExecutor, tmp_path: Path) -> None:
    held: Future[Any] = local.submit(be_deaf, tmp_path / "begun", needs=Needs("cuda", 2))
    wait_until((tmp_path / "begun").exists)
    waiting = [local.submit(echo, needs=Needs("cuda")) for _ in range(5)]
    assert run(local, math.sqrt, 9.0) == 3.0
    assert not any(task.done() for task in (held, *waiting))


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_a_senseless_number_of_workers_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", text)
    with pytest.raises(InputError, match="Expected DOCSORT_WORKERS to be a whole number of at least 1"):
        worker_count()


def test_without_a_wish_there_is_a_worker_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCSORT_WORKERS", raising=False)
    assert 1 <= worker_count() <= (os.cpu_count() or 1)


NESTED = """
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from docsort.work.executor import run
if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        print(pool.submit(run, math.sqrt, 9.0).result(), flush=True)
"""

BUSY = """
import time
from docsort.work.executor import executor
if __name__ == "__main__":
    executor().submit(time.sleep, 600)
    time.sleep(1)
    print("over", flush=True)
"""


@pytest.mark.parametrize(("script", "said"), [(NESTED, "3.0"), (BUSY, "over")])
def test_a_process_can_end_also_when_another_started_it_or_work_is_under_way(
    tmp_path: Path, script: str, said: str
) -> None:
    """It waits for its children at its end, so its workers must have been told to go by then."""
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py")]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert ended.stdout == f"{said}\n"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
