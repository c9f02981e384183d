"""Work in processes of this machine: as many workers as cores, each at one thread, kept from one task to the next.

The main process stays light (it never imports torch) and the cores are never oversubscribed. A worker ends itself when
its parent dies, so a killed run leaves nothing behind. Environment: DOCSORT_WORKERS overrides the number of workers.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from multiprocessing.util import Finalize
from queue import SimpleQueue
from typing import Any, TypeVar

from docsort.errors import InputError, StoppedError, WorkerError
from docsort.work.channel import OnEvent, delivery
from docsort.work.devices import NO_DEVICE, DeviceLeases, Lease, Needs, count_gpus
from docsort.work.progress import Began
from docsort.work.worker import Worker, name_of

T = TypeVar("T")
logger = logging.getLogger(__name__)


def worker_count() -> int:
    """How many workers there are: DOCSORT_WORKERS, or the cores this process may use."""
    text = os.environ.get("DOCSORT_WORKERS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"Expected DOCSORT_WORKERS to be a whole number of at least 1, but got {text!r}.")
    return int(text)


class LocalExecutor:
    """An `Executor`; devices: to be leased, by default those of this machine."""

    def __init__(self, devices: DeviceLeases | None = None) -> None:
        self._devices = devices or DeviceLeases(lambda: self.submit(count_gpus).result(), worker_count)
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        # not atexit: where this process was itself started by multiprocessing, that would come too late, because such a
        # process waits for its own children first
        Finalize(None, self.stop, exitpriority=100)

    @property
    def workers(self) -> int:
        return worker_count()

    def concurrent(self, device: str) -> int:
        return self._devices.concurrent(device)

    def submit(
        self, function: Callable[..., T], *args: Any, needs: Needs = NO_DEVICE, on_event: OnEvent | None = None
    ) -> "Future[T]":
        task = _Task(function, args, on_event)
        with self._lock:
            # What the main thread asks for was not under way when it was closed.
            if self._pool is None or (self._pool.is_stopped and threading.current_thread() is threading.main_thread()):
                self._pool = _Pool(worker_count())
            pool = self._pool
        if needs.device is None:
            pool.put(task)
        else:
            told = (pool, task, needs.device, needs.devices)
            threading.Thread(target=self._lease, args=told, name="wait-for-device", daemon=True).start()
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
        self._end(pool)

    def close(self) -> None:
        with self._lock:
            pool = self._pool = self._pool or _Pool(0)
        self._end(pool)  # and stays, because a stopped pool takes nothing

    def open(self) -> None:
        with self._lock:
            if self._pool is not None and self._pool.is_stopped:
                self._pool = None

    def _end(self, pool: "_Pool | None") -> None:
        if pool is not None:
            pool.stop()
            self._devices.wake()

    def _lease(self, pool: "_Pool", task: "_Task", device: str, count: int) -> None:
        """Holds devices for as long as the task takes."""
        try:
            with self._devices.lease(device, count, lambda: not (pool.is_stopped or task.is_unwanted)) as lease:
                task.lease = lease
                pool.put(task)
                wait([task])
        except Exception as error:
            task.fail(error)


class _Task(Future[Any]):
    """A call, and the Future of what comes of it."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], on_event: OnEvent | None) -> None:
        super().__init__()
        self.function, self.args, self.on_event = function, args, on_event
        self.lease: Lease | None = None
        self.worker: Worker | None = None
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

    def call_in(self, worker: Worker) -> Any:
        """Raises WorkerError when the worker dies, also where that is wished."""
        with self._lock:
            self.worker = worker
            if self.is_unwanted:
                worker.kill()
        devices, extra = (self.lease.devices, (self.lease,)) if self.lease else ((), ())
        try:
            with delivery(self.on_event) as tell:
                tell(Began(devices))
                return worker.call(self.function, (*self.args, *extra), tell)
        finally:
            with self._lock:
                self.worker = None

    def stopped(self) -> StoppedError:
        """What to raise when it was ended on purpose."""
        return StoppedError(f"{name_of(self.function)} was stopped in its middle; run again to go on.")


class _Pool:
    """Threads that each take a task, lend it a worker process, and wait for what comes of it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads = 0
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self.is_stopped = False
        self._lock = threading.Lock()

    def put(self, task: _Task) -> None:
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

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            if task.begin():
                try:
                    result = self._run(task)
                except BaseException as error:
                    task.set_exception(error)
                else:
                    task.set_result(result)
                    del result
            del task  # its Future and what it came to may be large

    def _run(self, task: _Task) -> Any:
        """Once more where the worker dies under it, for it may have been the largest when memory ran out, or the one
        that somebody chose to kill; what dies of itself dies again.
        """
        try:
            return self._attempt(task)
        except StoppedError:
            raise
        except WorkerError as error:
            logger.warning("%s It is tried once more in another.", str(error).partition(" Free ")[0])
            return self._attempt(task)

    def _attempt(self, task: _Task) -> Any:
        worker = self._lend(task)
        try:
            return task.call_in(worker)
        except WorkerError as error:
            if self.is_stopped or task.is_unwanted:
                raise task.stopped() from error
            raise
        finally:
            self._take_back(worker)

    def _lend(self, task: _Task) -> Worker:
        """The worker that was used last, or a new one."""
        with self._lock:
            if self.is_stopped or task.is_unwanted:
                raise task.stopped()
            while self._idle:
                if (worker := self._idle.pop()).is_alive():
                    return worker
                self._workers.discard(worker)  # killed by the system, for want of memory
            worker = Worker()
            self._workers.add(worker)
            return worker

    def _take_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_alive() and not self.is_stopped:
                self._idle.append(worker)
                return
            self._workers.discard(worker)
        worker.end()
