"""What all executors do alike: a pool that begins with the first task, results as they come, and an end of all work."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any, TypeVar

from docsort.work.channel import OnEvent
from docsort.work.devices import NO_DEVICE, Needs
from docsort.work.pool import AnyWorker, Pool, Task

T = TypeVar("T")


class PoolExecutor(ABC):
    """What all executors do alike; see `executor.Executor`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many functions run at a time."""

    @abstractmethod
    def _thread_count(self) -> int:
        """How many tasks are lent a worker at a time."""

    @abstractmethod
    def _make_worker(self) -> AnyWorker: ...

    @abstractmethod
    def _enter(self, pool: Pool, task: Task) -> None:
        """Has the pool do the task, at once or once there is a device; a task that cannot be done fails."""

    def submit(
        self, function: Callable[..., T], *args: Any, needs: Needs = NO_DEVICE, on_event: OnEvent | None = None
    ) -> "Future[T]":
        task = Task(function, args, needs, on_event)
        with self._lock:
            # What the main thread asks for was not under way when it was closed.
            if self._pool is None or (self._pool.is_stopped and threading.current_thread() is threading.main_thread()):
                self._pool = Pool(self._thread_count(), self._make_worker)
            pool = self._pool
        self._enter(pool, task)
        return task

    def map(
        self,
        function: Callable[..., T],
        tasks: Iterable[tuple[Any, ...]],
        needs: Needs = NO_DEVICE,
        on_event: OnEvent | None = None,
    ) -> Iterator[T]:
        rest, most = iter(tasks), 2 * self.workers
        pending: set[Future[T]] = set()
        try:
            while True:
                for task in islice(rest, most - len(pending)):
                    pending.add(self.submit(function, *task, needs=needs, on_event=on_event))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            running = [future for future in pending if not future.cancel()]
            wait(running)

    def stop(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._end(pool)

    def close(self) -> None:
        with self._lock:
            pool = self._pool = self._pool or Pool(0, self._make_worker)
        self._end(pool)  # and stays, because a stopped pool takes nothing

    def open(self) -> None:
        with self._lock:
            if self._pool is not None and self._pool.is_stopped:
                self._pool = None

    def _end(self, pool: Pool) -> None:
        pool.stop()
