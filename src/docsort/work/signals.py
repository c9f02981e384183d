"""Signals that end what runs: Ctrl-C, SIGTERM, a closed terminal.

Python runs the handler of a signal in the main thread, when that next does something. A signal that comes just before
the main thread begins to wait for others, or that the system hands to another thread, would be heeded only when the
wait is over, after hours. So a thread watches, and wakes the main thread by the same signal until it has heard it.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
WAKE_S = 0.2
"""So long the main thread has to hear a signal before it is woken."""
REPEAT_S = 1.0
"""A signal that comes so soon after the first is that one again; a later one interrupts also what the first began."""


class Terminated(KeyboardInterrupt):
    """What runs is to end; `number` is that of the signal that says so."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Ending:
    """Hears the signals."""

    def __init__(self) -> None:
        self.heard = threading.Event()
        self._at = -REPEAT_S

    def hear(self, number: int, frame: FrameType | None) -> None:
        """The handler, in the main thread."""
        now = time.monotonic()
        if now - self._at < REPEAT_S:
            return
        self._at = now
        self.heard.set()
        self._end(number)

    def _end(self, number: int) -> NoReturn:
        raise Terminated(number)

    def watch(self, pipe: int, numbers: list[int]) -> None:
        """Reads the number of each signal that comes, until a 0."""
        main = threading.main_thread().ident
        assert main is not None
        while number := os.read(pipe, 1)[0]:
            while number in numbers and not self.heard.wait(WAKE_S):
                signal.pthread_kill(main, number)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raises Terminated in what it encloses when one of ENDING comes, but for those that are ignored, as by `nohup`.

    Outside of the main thread it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: now for number in ENDING if (now := signal.getsignal(number)) in usual}
    ending = _Ending()
    with _watched(ending, list(before)):
        for number in before:
            signal.signal(number, ending.hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _watched(ending: _Ending, numbers: list[int]) -> Iterator[None]:
    if not hasattr(signal, "pthread_kill"):
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    thread = threading.Thread(target=ending.watch, args=(reading, numbers), name="watch-signals", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        ending.heard.set()
        os.write(writing, b"\0")
        thread.join()
        os.close(reading)
        os.close(writing)
