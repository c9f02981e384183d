"""Work in processes of this machine: as many workers as cores, each at one thread, kept from one task to the next.

The main process stays light (it never imports torch) and the cores are never oversubscribed. A worker ends itself when
its parent dies, so a killed run leaves nothing behind. Environment: DOCSORT_WORKERS overrides the number of workers.
"""

import os
import threading
from concurrent.futures import wait
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from docsort.errors import InputError
from docsort.work.channel import OnEvent
from docsort.work.devices import DeviceLeases, count_gpus
from docsort.work.pool import Pool, Task
from docsort.work.pool_executor import PoolExecutor
from docsort.work.progress import Began
from docsort.work.worker import Worker


def worker_count() -> int:
    """How many workers there are: DOCSORT_WORKERS, or the cores this process may use."""
    text = os.environ.get("DOCSORT_WORKERS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"Expected DOCSORT_WORKERS to be a whole number of at least 1, but got {text!r}.")
    return int(text)


class LocalExecutor(PoolExecutor):
    """An `Executor`; devices: to be leased, by default those of this machine."""

    def __init__(self, devices: DeviceLeases | None = None) -> None:
        super().__init__()
        self._devices = devices or DeviceLeases(lambda: self.submit(count_gpus).result(), worker_count)
        # not atexit: where this process was itself started by multiprocessing, that would come too late, because such a
        # process waits for its own children first
        Finalize(None, self.stop, exitpriority=100)

    @property
    def workers(self) -> int:
        return worker_count()

    def concurrent(self, device: str) -> int:
        return self._devices.concurrent(device)

    def must_see(self, folder: Path) -> None:
        """Workers on this machine do."""

    def _thread_count(self) -> int:
        return worker_count()

    def _make_worker(self) -> "PoolWorker":
        return PoolWorker()

    def _enter(self, pool: Pool, task: Task) -> None:
        if task.needs.device is None:
            pool.put(task)
        else:
            told = (pool, task, task.needs.device, task.needs.devices)
            threading.Thread(target=self._lease, args=told, name="wait-for-device", daemon=True).start()

    def _end(self, pool: Pool) -> None:
        super()._end(pool)
        self._devices.wake()

    def _lease(self, pool: Pool, task: Task, device: str, count: int) -> None:
        """Holds devices for as long as the task takes."""
        try:
            with self._devices.lease(device, count, lambda: not (pool.is_stopped or task.is_unwanted)) as lease:
                task.lease = lease
                pool.put(task)
                wait([task])
        except Exception as error:
            task.fail(error)


class PoolWorker(Worker):
    """A worker process as a pool lends it to tasks."""

    def run(self, task: Task, tell: OnEvent) -> Any:
        """See `pool.AnyWorker`."""
        devices, extra = (task.lease.devices, (task.lease,)) if task.lease else ((), ())
        tell(Began(devices))
        return self.call(task.function, (*task.args, *extra), tell)
