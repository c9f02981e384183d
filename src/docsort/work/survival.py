"""Work on many items of which one may kill its worker: it costs that item, not the run."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from typing import Any, TypeVar

from docsort.chunks import chunks
from docsort.errors import StoppedError, WorkerError
from docsort.work.executor import executor

T = TypeVar("T")


def map_surviving(
    function: Callable[..., T],
    items: Sequence[tuple[Any, ...]],
    size: int,
    on_death: Callable[..., T],
    on_done: Callable[[int], None] = lambda count: None,
) -> list[T]:
    """function(*item) of every item by the workers, in their order; a task holds `size` items.

    Where a worker dies, the items of its task are tried again one at a time, with nothing beside them; one that kills
    its worker then, too, comes to on_death(*item), in this process. on_done: as of `chunks.map_chunks`.
    """
    parts = list(chunks(items, size))
    found: dict[int, list[T]] = {}
    tasks = {executor().submit(_each, function, part): number for number, part in enumerate(parts)}
    try:
        for task in as_completed(tasks):
            results = _unless_dead(task)
            if results is not None:
                found[tasks[task]] = results
                on_done(sum(map(len, found.values())))
    finally:
        for task in tasks:
            task.cancel()
    for number, part in enumerate(parts):
        if number not in found:
            found[number] = [_alone(function, item, on_death) for item in part]
            on_done(sum(map(len, found.values())))
    return [result for number in range(len(parts)) for result in found[number]]


@contextmanager
def computing_limit(seconds: float) -> Iterator[None]:
    """In a worker: ends the process when what is inside has computed for longer, even in C; waiting does not count.

    Without effect where the system has no such timer.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _alone(function: Callable[..., T], item: tuple[Any, ...], on_death: Callable[..., T]) -> T:
    results = _unless_dead(executor().submit(_each, function, [item]))
    return on_death(*item) if results is None else results[0]


def _unless_dead(task: "Future[T]") -> T | None:
    try:
        return task.result()
    except StoppedError:
        raise
    except WorkerError:
        return None


def _each(function: Callable[..., T], items: Sequence[tuple[Any, ...]]) -> list[T]:
    """One task, in a worker."""
    return [function(*item) for item in items]
