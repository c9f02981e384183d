"""Whatever is submitted, cancelled, stopped and fails at the same moment: everybody who waits is answered."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from errands import be_killed, echo
from fake_workers import FakeWorker, die, fail, last, short_while

from docsort.errors import StoppedError, WorkerError
from docsort.work import local as module
from docsort.work.devices import NO_DEVICE, DeviceLeases, Needs
from docsort.work.local import LocalExecutor

HANG_S = 20
"""By then something hangs."""
ROUNDS = 500


def executor(workers: int) -> LocalExecutor:
    return LocalExecutor(DeviceLeases(lambda: 2, lambda: workers))


def play(local: LocalExecutor, functions: list[Any], pause: Callable[[], None]) -> list[Future[Any]]:
    """Three threads submit, map and cancel, and the executor is stopped twice and closed, with pauses; what was
    submitted.
    """
    tasks: list[Future[Any]] = []
    needs = [NO_DEVICE, NO_DEVICE, Needs("cuda"), Needs("cuda:1"), Needs("cuda", 2)]

    def submit() -> None:
        for _ in range(6):
            tasks.append(local.submit(random.choice(functions), needs=random.choice(needs)))
            pause()
            if random.random() < 0.4:
                random.choice(tasks).cancel()

    def map_some() -> None:
        with suppress(ValueError, WorkerError):
            results = local.map(random.choice(functions), [()] * 5, random.choice(needs))
            for _ in range(random.randrange(6)):
                next(results, None)
            results.close()  # type: ignore[attr-defined]

    threads = [threading.Thread(target=target, daemon=True) for target in (submit, submit, map_some)]
    for thread in threads:
        thread.start()
    for end in (local.stop, local.stop, local.close):
        pause()
        end()
    for thread in threads:
        thread.join(HANG_S)
    assert not any(thread.is_alive() for thread in threads)
    return tasks


def check_that_all_are_over(tasks: list[Future[Any]]) -> None:
    assert not wait(tasks, timeout=HANG_S).not_done
    errors = [task.exception() for task in tasks if not task.cancelled()]
    assert {type(error) for error in errors} <= {type(None), ValueError, WorkerError, StoppedError}


def test_nobody_waits_in_vain_in_any_of_three_hundred_races(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PoolWorker", FakeWorker)
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    random.seed(0)
    ends = set()
    for _ in range(300):
        tasks = play(executor(2), [echo, echo, last, die, fail], short_while)
        check_that_all_are_over(tasks)
        ends |= {"cancelled" if task.cancelled() else type(task.exception()).__name__ for task in tasks}
    assert ends == {"cancelled", "NoneType", "ValueError", "WorkerError", "StoppedError"}


@pytest.mark.slow
def test_nobody_waits_in_vain_in_any_of_five_hundred_races_of_real_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    for _ in range(ROUNDS):
        longest = random.choice([0.001, 0.1, 1])  # a process takes a third of a second to start
        pause = partial(lambda most: time.sleep(random.random() * most), longest)
        check_that_all_are_over(play(executor(2), [echo, fail, be_killed], pause))
