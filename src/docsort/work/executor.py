"""Where heavy work runs: rendering, training, prediction. Nothing else starts a process or asks for a GPU.

The executor of a process is chosen by the environment variable DOCSORT_EXECUTOR, for it decides no result.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from docsort.errors import InputError
from docsort.work.channel import OnEvent
from docsort.work.devices import NO_DEVICE, Lease, Needs
from docsort.work.local import LocalExecutor

__all__ = ["Executor", "Lease", "Needs", "close_work", "executor", "run", "stop_work"]

T = TypeVar("T")


class Executor(Protocol):
    """Runs module-level functions in worker processes of one thread each; their errors arrive as they are.

    A function whose `needs` name a device is given a Lease as its last argument. One whose worker dies, for want of
    memory for example, is called once more in another, so it must bear to be called twice. Other errors: WorkerError
    when that dies too, StoppedError after `stop`, InputError for a device that is not there.
    """

    @property
    def workers(self) -> int:
        """How many functions run at a time."""

    def concurrent(self, device: str) -> int:
        """How many functions that need such a device run at a time. Raises InputError for one that is not there."""

    def submit(
        self, function: Callable[..., T], *args: Any, needs: Needs = NO_DEVICE, on_event: OnEvent | None = None
    ) -> "Future[T]":
        """Returns at once, also where a device has to be waited for.

        on_event: called with a Began when a worker begins, then with what the function reports, in order and all of it
        before the result is there; from another thread, and no more once it has raised. A second Began says that the
        first worker died and that the function is called again from its beginning.
        """

    def map(
        self,
        function: Callable[..., T],
        tasks: Iterable[tuple[Any, ...]],
        needs: Needs = NO_DEVICE,
        on_event: OnEvent | None = None,
    ) -> Iterator[T]:
        """Runs function(*task) for every task; yields results as they finish, in no particular order.

        At most twice as many tasks as workers are under way, so memory does not grow with their number. When a task
        fails, or nobody takes more results, what is under way is ended.
        """

    def must_see(self, folder: Path) -> None:
        """Raises InputError that names the machines on which workers do not see what this process writes there."""

    def stop(self) -> None:
        """Ends all work now, whatever it is doing; the next call starts anew."""

    def close(self) -> None:
        """Like `stop`, and what other threads submit from now on is stopped too: those that are between two tasks
        start no more.
        """

    def open(self) -> None:
        """Takes work of all threads again after `close`, as it does once the main thread submits some."""


@cache
def _on_ray(address: str | None = None) -> Executor:
    from docsort.work.ray import RayExecutor

    return RayExecutor(address)


EXECUTORS: dict[str, Callable[..., Executor]] = {"local": cache(LocalExecutor), "ray": _on_ray}
"""By the values of DOCSORT_EXECUTOR; what may follow as `://address` is their argument."""


def executor() -> Executor:
    """The one of this process. Raises InputError for a DOCSORT_EXECUTOR that is not known."""
    name = os.environ.get("DOCSORT_EXECUTOR", "local")
    kind, _, address = name.partition("://")
    if kind not in EXECUTORS or (address and kind != "ray"):
        raise InputError(
            f"Expected DOCSORT_EXECUTOR to be {', '.join(EXECUTORS)} or ray://host:port, but got {name!r}."
        )
    return EXECUTORS[kind](*filter(None, [address]))


def run(function: Callable[..., T], *args: Any, needs: Needs = NO_DEVICE, on_event: OnEvent | None = None) -> T:
    """What `executor().submit` comes to."""
    return executor().submit(function, *args, needs=needs, on_event=on_event).result()


def stop_work() -> None:
    """Ends all work of this process."""
    executor().stop()


def close_work() -> None:
    """Ends all work of this process, and what is under way in its threads starts no more."""
    executor().close()
