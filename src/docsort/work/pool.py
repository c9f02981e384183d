"""A pool of workers, wherever these are: each task is lent one, is tried again where that dies, and is ended by `stop`.

What a worker is, and how a task comes to a device, is for the executor to say.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Protocol

from docsort.errors import StoppedError, WorkerError
from docsort.work.channel import OnEvent, delivery
from docsort.work.devices import Lease, Needs
from docsort.work.worker import name_of

logger = logging.getLogger(__name__)


class LostNodeError(WorkerError):
    """A machine of a cluster is gone, with the worker that was on it."""


CHANCES: dict[type[WorkerError], int] = {WorkerError: 1, LostNodeError: 5}
"""How often a task is tried again. What kills its worker may kill the next one too; a machine is seldom lost by what
runs there, and of machines that are lent by the hour a task may lose several.
"""


class AnyWorker(Protocol):
    """What a task is lent. See `worker.Worker`."""

    def run(self, task: "Task", tell: OnEvent) -> Any:
        """Calls the task's function; tells Began and what the function reports. Raises WorkerError when it dies."""

    def is_alive(self) -> bool:
        """Whether it can be lent again."""

    def kill(self) -> None:
        """Ends it and what it is doing, from any thread."""

    def end(self) -> None:
        """Ends it and waits until it is gone."""


class Task(Future[Any]):
    """A call, and the Future of what comes of it."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], needs: Needs, on_event: OnEvent | None
    ) -> None:
        super().__init__()
        self.function, self.args, self.needs, self.on_event = function, args, needs, on_event
        self.lease: Lease | None = None
        self.worker: AnyWorker | None = None
        self.is_unwanted = False
        self._lock = threading.RLock()

    def cancel(self) -> bool:
        """Unlike other Futures one that runs is ended too, with its worker; and one that does not is over at once, so
        that nobody waits until a thread finds it in the queue.
        """
        with self._lock:
            self.is_unwanted = True
            if self.worker is not None:
                self.worker.kill()
            if not self.cancelled() and super().cancel():
                self.set_running_or_notify_cancel()
            return self.cancelled()

    def begin(self) -> bool:
        """Whether it may run; not where it was cancelled."""
        with self._lock:
            return not self.cancelled() and self.set_running_or_notify_cancel()

    def fail(self, error: BaseException) -> None:
        """Before it has begun."""
        if self.begin():
            self.set_exception(error)

    def call_in(self, worker: AnyWorker) -> Any:
        """Raises WorkerError when the worker dies, also where that is wished."""
        with self._lock:
            self.worker = worker
            if self.is_unwanted:
                worker.kill()
        try:
            with delivery(self.on_event) as tell:
                return worker.run(self, tell)
        finally:
            with self._lock:
                self.worker = None

    def stopped(self) -> StoppedError:
        """What to raise when it was ended on purpose."""
        return StoppedError(f"{name_of(self.function)} was stopped in its middle; run again to go on.")


class Pool:
    """Threads that each take a task, lend it a worker, and wait for what comes of it."""

    def __init__(self, count: int, make_worker: Callable[[], AnyWorker]) -> None:
        self._count, self._make_worker = count, make_worker
        self._threads = 0
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._workers: set[AnyWorker] = set()
        self._idle: list[AnyWorker] = []
        self.is_stopped = False
        self._lock = threading.Lock()

    def put(self, task: Task) -> None:
        with self._lock:
            if not self.is_stopped:
                self._tasks.put(task)
                if self._threads < self._count:
                    self._threads += 1
                    threading.Thread(target=self._serve, name="worker", daemon=True).start()
                return
        task.fail(task.stopped())

    def stop(self) -> None:
        """Ends all workers; tasks that wait fail, and so do those that run."""
        with self._lock:
            self.is_stopped = True
            for worker in self._workers:
                worker.kill()
            idle, self._idle = self._idle, []
            for _ in range(self._threads):
                self._tasks.put(None)
        for worker in idle:
            worker.end()

    def do(self, task: Task) -> None:
        """In the thread that calls."""
        if task.begin():
            try:
                result = self._run(task)
            except BaseException as error:
                task.set_exception(error)
            else:
                task.set_result(result)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            self.do(task)
            del task  # its Future and what it came to may be large

    def _run(self, task: Task) -> Any:
        """Again where the worker dies under it, for it may have been the largest when memory ran out, or the one that
        somebody chose to kill; what dies of itself dies again.
        """
        left = dict(CHANCES)
        while True:
            try:
                return self._attempt(task)
            except StoppedError:
                raise
            except WorkerError as error:
                kind = type(error)
                if not left.get(kind):
                    raise
                left[kind] -= 1
                logger.warning("%s It is tried once more in another.", str(error).partition(" Free ")[0])

    def _attempt(self, task: Task) -> Any:
        worker = self._lend(task)
        try:
            return task.call_in(worker)
        except WorkerError as error:
            if self.is_stopped or task.is_unwanted:
                raise task.stopped() from error
            raise
        finally:
            self._take_back(worker)

    def _lend(self, task: Task) -> AnyWorker:
        """The worker that was used last, or a new one."""
        with self._lock:
            if self.is_stopped or task.is_unwanted:
                raise task.stopped()
            while self._idle:
                if (worker := self._idle.pop()).is_alive():
                    return worker
                self._workers.discard(worker)  # killed by the system, for want of memory
            worker = self._make_worker()
            self._workers.add(worker)
            return worker

    def _take_back(self, worker: AnyWorker) -> None:
        with self._lock:
            if worker.is_alive() and not self.is_stopped:
                self._idle.append(worker)
                return
            self._workers.discard(worker)
        worker.end()
