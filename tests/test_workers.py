"""Functions given to workers are from the standard library here: a spawned process cannot import a test module."""

import math
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docsort.errors import InputError, StoppedError, WorkerError
from docsort.workers import map_in_workers, run_in_worker, stop_workers, worker_count


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_workers()
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    yield
    stop_workers()


def test_work_is_done_in_another_process_that_is_kept() -> None:
    first = run_in_worker(os.getpid)
    assert first != os.getpid()
    pids = {run_in_worker(os.getpid) for _ in range(6)}
    assert len(pids | {first}) <= 2


def test_every_task_is_done_once() -> None:
    results = list(map_in_workers(operator.mul, [(k, 2) for k in range(50)]))
    assert sorted(results) == [2 * k for k in range(50)]


def test_an_error_of_the_task_arrives_as_it_is_and_the_pool_lives_on() -> None:
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
        run_in_worker(math.sqrt, -1.0)
    with pytest.raises(ZeroDivisionError, match="division"):
        list(map_in_workers(operator.truediv, [(1, 1), (1, 0)]))
    assert run_in_worker(math.sqrt, 4.0) == 2.0


def test_a_dead_worker_is_one_clear_error_and_the_next_call_starts_anew() -> None:
    with pytest.raises(WorkerError, match=r"died while it ran _exit.*DOCSORT_WORKERS"):
        run_in_worker(os._exit, 1)
    assert run_in_worker(math.sqrt, 9.0) == 3.0
    with pytest.raises(WorkerError, match="died while it ran _exit"):
        list(map_in_workers(os._exit, [(1,)]))
    assert run_in_worker(math.sqrt, 16.0) == 4.0


def test_work_that_is_stopped_on_purpose_is_told_from_a_worker_that_died() -> None:
    run_in_worker(abs, 1)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(run_in_worker, time.sleep, 60) for _ in range(3)]
        time.sleep(0.5)
        stop_workers()
        for future in waiting:
            with pytest.raises(StoppedError, match="sleep was stopped in its middle"):
                future.result(timeout=20)
    assert run_in_worker(math.sqrt, 9.0) == 3.0


def test_workers_are_held_to_one_thread() -> None:
    assert run_in_worker(os.getenv, "OMP_NUM_THREADS") == "1"
    assert run_in_worker(os.getenv, "NUMBA_NUM_THREADS") == "1"


def test_a_consumer_that_stops_early_leaves_no_queue_behind() -> None:
    results = map_in_workers(time.sleep, [(0.01,)] * 500)
    next(results)
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert run_in_worker(math.sqrt, 4.0) == 2.0
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_a_senseless_number_of_workers_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", text)
    with pytest.raises(InputError, match="Expected DOCSORT_WORKERS to be a whole number of at least 1"):
        worker_count()


def test_without_a_wish_there_is_a_worker_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCSORT_WORKERS")
    assert 1 <= worker_count() <= (os.cpu_count() or 1)


PARENT = """
import os, sys, time
from docsort.workers import run_in_worker
if __name__ == "__main__":
    print(run_in_worker(os.getpid), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)


NESTED = """
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from docsort.workers import run_in_worker
if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        print(pool.submit(run_in_worker, math.sqrt, 9.0).result(), flush=True)
"""


def test_a_process_that_was_itself_started_by_another_can_end(tmp_path: Path) -> None:
    """It waits for its children at its end, so its workers must have been told to go by then."""
    script = tmp_path / "nested.py"
    script.write_text(NESTED)
    ended = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert ended.stdout == "3.0\n"


def test_workers_are_spawned_with_nothing_of_the_parent_in_them() -> None:
    """A fork would inherit the parent's modules, and with them locked thread pools of numba and OpenCV."""
    assert run_in_worker(eval, "'pytest' in __import__('sys').modules") is False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not waited for by its new parent still has a number.
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not status.stdout.strip().startswith("Z") and bool(status.stdout.strip())
