"""Calls of what may hang, such as a server, that are waited for so long and no longer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def within(seconds: float, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What the function returns or raises. Raises TimeoutError after so many seconds; then it goes on in a thread that
    keeps no program from ending.
    """
    outcome: Future[T] = Future()

    def call() -> None:
        try:
            outcome.set_result(function(*args, **kwargs))
        except BaseException as error:
            outcome.set_exception(error)

    try:
        threading.Thread(target=call, name="call-that-may-hang", daemon=True).start()
    except RuntimeError:  # no more threads are started while the program ends
        call()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # its own
            raise
        raise TimeoutError(f"no answer within {seconds:g} s") from None


class Impatient:
    """An object whose methods are each called `within` so many seconds."""

    def __init__(self, within_object: Any, seconds: float) -> None:
        self._object, self._seconds = within_object, seconds

    def waiting(self, seconds: float) -> "Impatient":
        """The same object, with another limit."""
        return Impatient(self._object, seconds)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._object, name)
        return lambda *args, **kwargs: within(self._seconds, method, *args, **kwargs)
