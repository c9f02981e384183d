"""A worker process: it runs one function at a time for the process that started it, and ends with it.

Spawned, not forked, because a fork after a parallel numba kernel or an OpenCV thread pool kills the child. It is held
to one thread, so that as many workers as cores use each core once.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.reduction import ForkingPickler
from typing import Any

from docsort.errors import WorkerError
from docsort.work.channel import Message, OnEvent, messages, open_channel, receive_outcome, settle
from docsort.work.threads import ONE_THREAD

ENVIRONMENT = {**ONE_THREAD, "NUMBA_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
"""Read by libraries when they are imported, hence set before a worker imports any of them."""

OF_THE_TERMINAL = {getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)}
"""Signals that reach the whole process group; the main process alone decides what ends."""

_starting = threading.Lock()


class Worker:
    """The process as it is seen from the one that started it.

    A main process without any log handler, a script for example, hears no records: its workers write for themselves.
    Raises WorkerError where the system gives no more processes.
    """

    def __init__(self, with_log: bool | None = None) -> None:
        """with_log: whether records are sent; by default where this process has a log."""
        self._with_log = bool(logging.getLogger().handlers) if with_log is None else with_log
        self._is_killed = False
        try:
            self._start(multiprocessing.get_context("spawn"))
        except OSError as error:
            raise WorkerError(
                f"Expected to start one more worker process, but the system refused ({error.strerror}); end other "
                "programs, or set DOCSORT_WORKERS to a smaller number, and run again: finished work is kept."
            ) from error

    def _start(self, context: SpawnContext) -> None:
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._with_log))
        with theirs, _starting, _deaf_to_the_terminal():  # closed, so that the pipe ends with the worker
            self._process.start()

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], on_event: OnEvent) -> Any:
        """Runs a module-level function; what it reports is told before it returns, and its errors arrive as they are.

        Raises WorkerError when the process dies meanwhile. One call at a time.
        """
        asked = packed(function, args)
        try:
            kind, content = receive_outcome(self.exchange(asked), on_event)
        except (EOFError, OSError) as error:
            self.kill()
            raise death_of(name_of(function, args)) from error
        except Exception:  # a message that cannot be unpickled, and nobody knows how many come after it
            self.kill()
            raise
        return settle(kind, content)

    def exchange(self, asked: bytes) -> Iterator[Message]:
        """Sends what `packed` has made; what comes back. Raises EOFError or OSError when the process dies."""
        self._connection.send_bytes(asked)
        yield from messages(self._connection)

    def is_alive(self) -> bool:
        """Whether it can be asked for more."""
        return not self._is_killed and self._process.is_alive()

    def kill(self) -> None:
        """Ends it at once, whatever it is doing; a call that waits for it ends too. From any thread.

        Not by SIGTERM: Lightning catches that one, and trains on.
        """
        self._is_killed = True
        self._process.kill()

    def end(self) -> None:
        """Ends it and waits until it is gone; nobody may be waiting for it."""
        self.kill()
        self._process.join()
        self._connection.close()


@contextmanager
def _deaf_to_the_terminal() -> Iterator[None]:
    """What is started meanwhile does not die of a Ctrl-C, with a traceback, before it gets to `_serve`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_TERMINAL)
    try:
        resource_tracker.ensure_running()  # which is else started with the process, and unblocks one of them
        signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_TERMINAL)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def packed(function: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """A call as a worker takes it. Raises what pickling raises."""
    return bytes(ForkingPickler.dumps((function, args)))


def death_of(name: str, how: str = "A worker process died") -> WorkerError:
    """The sentence for a worker that is gone, with what it was doing."""
    return WorkerError(
        f"{how} while it ran {name}; most often memory ran out. Free memory, or set DOCSORT_WORKERS to a smaller "
        "number, and run again: finished work is kept."
    )


def name_of(function: Callable[..., Any], args: tuple[Any, ...] = ()) -> str:
    """What a sentence calls a function, or a call of it: with the name of what it is given first, if that has one."""
    name, subject = getattr(function, "__name__", function), getattr(args[0], "name", None) if args else None
    return f"{name} ({subject})" if isinstance(subject, str) else str(name)


def _serve(connection: Connection, with_log: bool) -> None:
    for number in OF_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_TERMINAL)
    os.environ.update(ENVIRONMENT)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    sender = open_channel(connection, with_log)
    with suppress(EOFError, ConnectionError):  # of a parent that is gone
        while True:
            sender.send_outcome_of(_call, connection.recv_bytes())


def _call(message: bytes) -> Any:
    function, args = pickle.loads(message)
    return function(*args)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
