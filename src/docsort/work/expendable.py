"""Processes for work that may hang or die, such as decoding what strangers send: apart from the executor's workers, so
that a killer costs neither a model that is loaded there nor the place of other work.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from docsort.errors import WorkerError
from docsort.work.worker import Worker

T = TypeVar("T")


class Expendables:
    """So many processes at most, started when they are needed and kept from call to call."""

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, "expendable")
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()
        self._is_closed = False

    def submit(self, seconds: float, function: Callable[..., T], *args: Any) -> "Future[T]":
        """function(*args) in a process of its own for so long. WorkerError where the process dies, or is ended because
        it takes longer; it is not tried again."""
        return self._threads.submit(self._call, seconds, function, args)

    def close(self) -> None:
        """Ends all of them, whatever they are doing; calls that wait fail."""
        with self._lock:
            self._is_closed = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._idle:
            worker.end()

    def _call(self, seconds: float, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        worker = self._lend()
        timer = threading.Timer(seconds, worker.kill)
        timer.start()
        try:
            result: T = worker.call(function, args, lambda event: None)
            return result
        finally:
            timer.cancel()
            self._take_back(worker)

    def _lend(self) -> Worker:
        with self._lock:
            if self._is_closed:
                raise WorkerError("Expected work before the end, but the processes for it are ended; start again.")
            worker = self._idle.pop() if self._idle else Worker()
            self._workers.add(worker)
            return worker

    def _take_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_alive() and not self._is_closed:
                self._idle.append(worker)
                return
            self._workers.discard(worker)
        worker.end()
