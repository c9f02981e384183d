"""One pool of worker processes for everything that is heavy: rendering, training, inference.

The main process stays light (it never imports torch) and the cores are never oversubscribed: as many workers as
cores, each at one thread. Processes are spawned, not forked, because a fork after a parallel numba kernel or an OpenCV
thread pool kills the child. A worker ends itself when its parent dies, so a killed run leaves nothing behind.

Environment: DOCSORT_WORKERS overrides the number of workers.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.util import Finalize
from typing import Any, TypeVar

from docsort.errors import InputError, StoppedError, WorkerError
from docsort.log_relay import LogRelay, send_logs

T = TypeVar("T")

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}
"""Read by the numeric libraries when they are imported, hence set before a worker imports any of them."""

_lock = threading.Lock()
_pool: ProcessPoolExecutor | None = None
_relay: LogRelay | None = None
_stops = 0
"""How often the workers were ended on purpose."""


def worker_count() -> int:
    """How many workers the pool has: DOCSORT_WORKERS, or the cores this process may use."""
    text = os.environ.get("DOCSORT_WORKERS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"Expected DOCSORT_WORKERS to be a whole number of at least 1, but got {text!r}.")
    return int(text)


def run_in_worker(function: Callable[..., T], *args: Any) -> T:
    """Runs a module-level function in a worker and returns its result; its exceptions arrive as they are.

    Raises WorkerError when the worker process died, for want of memory for example, and StoppedError when
    `stop_workers` was called meanwhile.
    """
    stops = _stops
    try:
        return _submit(function, *args).result()
    except (BrokenProcessPool, CancelledError) as error:
        if _stops != stops:
            raise StoppedError(f"{function.__name__} was stopped in its middle; run again to go on.") from error
        if isinstance(error, CancelledError):
            raise
        _drop_workers()
        raise WorkerError(
            f"A worker process died while it ran {function.__name__}; most often memory ran out. "
            "Free memory, or set DOCSORT_WORKERS to a smaller number, and run again: finished work is kept."
        ) from error
    finally:
        if (relay := _relay) is not None:
            relay.catch_up()


def map_in_workers(function: Callable[..., T], tasks: Sequence[tuple[Any, ...]]) -> Iterator[T]:
    """Runs function(*task) for every task; yields results as they finish, in no particular order.

    At most twice as many tasks as workers are under way, so memory does not grow with their number.
    """
    rest = iter(tasks)
    pending: set[Future[T]] = set()
    try:
        while True:
            pending |= {_submit(function, *task) for task in islice(rest, 2 * worker_count() - len(pending))}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        _drop_workers()
        raise WorkerError(
            f"A worker process died while it ran {function.__name__}; most often memory ran out. "
            "Free memory, or set DOCSORT_WORKERS to a smaller number, and run again: finished work is kept."
        ) from error
    finally:
        for future in pending:
            future.cancel()


def stop_workers() -> None:
    """Ends all workers now, whatever they are doing; the next call starts new ones."""
    global _stops
    _stops += 1
    _drop_workers()


def _drop_workers() -> None:
    global _pool, _relay
    with _lock:
        pool, _pool = _pool, None
        relay, _relay = _relay, None
    if relay is not None:
        relay.end()
    if pool is None:
        return
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _submit(function: Callable[..., T], *args: Any) -> "Future[T]":
    global _pool, _relay
    with _lock:
        if _pool is None:
            context = multiprocessing.get_context("spawn")
            _relay = LogRelay(context) if logging.getLogger().handlers else None
            ends = _relay.ends if _relay is not None else ()
            _pool = ProcessPoolExecutor(worker_count(), context, initializer=_start_worker, initargs=ends)
            # not atexit: where this process was itself started by multiprocessing, that would come too late, because
            # such a process waits for its own children first
            Finalize(None, stop_workers, exitpriority=100)
        return _pool.submit(function, *args)


def _start_worker(*log_ends: Any) -> None:
    # Ctrl-C reaches the whole process group; the main process alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(ONE_THREAD)
    if log_ends:
        send_logs(*log_ends)
    end_with_parent()


def end_with_parent() -> None:
    """Sees to it that this process, itself started by multiprocessing, does not outlive the one that started it."""
    threading.Thread(target=_wait_for_parent, name="end-with-parent", daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
