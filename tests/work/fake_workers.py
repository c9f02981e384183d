"""Workers without processes, so that a thousand races take seconds, and what is thrown at them."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from docsort.errors import WorkerError


class FakeWorker:
    """Like `docsort.work.local.PoolWorker`, as far as a pool can tell."""

    def __init__(self) -> None:
        self._killed = threading.Event()

    def run(self, task: Any, tell: Callable[[Any], object]) -> Any:
        function, args = task.function, (*task.args, *([task.lease] if task.lease else []))
        if function is last:
            self._killed.wait()
        elif function is die:
            self.kill()
        else:
            self._killed.wait(random.random() / 1000)
        if self._killed.is_set():
            raise WorkerError("A worker process died.")
        return function(*args)

    def is_alive(self) -> bool:
        return not self._killed.is_set()

    def kill(self) -> None:
        self._killed.set()

    def end(self) -> None:
        self.kill()


def last(*_: Any) -> None:
    """Goes on until its worker is killed."""


def die(*_: Any) -> None:
    """Kills its worker."""


def fail(*_: Any) -> None:
    raise ValueError("no more pages")


def short_while() -> None:
    time.sleep(random.random() / 2000)
