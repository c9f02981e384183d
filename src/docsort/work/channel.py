"""The one way from a worker process to the process that started it: log records, events and at last the outcome, in the
order in which they were sent.

A log record goes the way of one that was logged here, so that the settings of the main process hold: level, format, and
the console, on which a line that another process wrote past it would tear a progress bar. Each worker has a pipe of its
own: one that is killed in the middle of a message keeps nobody waiting.
"""

import logging
import logging.handlers
import pickle
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from typing import Any, Literal, cast

logger = logging.getLogger(__name__)

Kind = Literal["record", "event", "result", "error"]
Message = tuple[Kind, bytes]
"""What kind it is, and what it says, pickled."""
OUTCOMES = ("result", "error")
OnEvent = Callable[[Any], object]

END = object()


class RemoteError(Exception):
    """Where in the worker an error was raised, as the cause of that error."""


class Sender:
    """A worker's end; several threads may send."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._one_at_a_time = threading.RLock()  # what is logged while a message is pickled goes before it

    def send(self, kind: Kind, content: object) -> None:
        """Returns when the message is on its way. Raises what pickling raises, and then nothing was sent."""
        with self._one_at_a_time:
            data = ForkingPickler.dumps(content)
            self._connection.send_bytes(kind.encode())
            self._connection.send_bytes(data)

    def send_outcome_of(self, function: Callable[..., Any], *args: Any) -> None:
        """Calls the function and sends what it returns or raises."""
        try:
            self.send("result", function(*args))
        except BaseException as error:
            self.send("error", (_portable(error), traceback.format_exc()))


def _portable(error: BaseException) -> BaseException:
    """The error, or its text where another process could not make it again."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class LogSender(logging.handlers.QueueHandler):
    """The root handler of a worker: each record is sent before the call that logged it returns."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # a pipe in place of a queue: no thread, and nothing is lost
        self._sender = sender

    def enqueue(self, record: logging.LogRecord) -> None:
        self._sender.send("record", record)


_sender: Sender | None = None


def report(event: object) -> None:
    """Sends an event, small and picklable, to whoever asked for this work; where this is no worker, to nobody."""
    if _sender is not None:
        _sender.send("event", event)


def open_channel(connection: Connection, with_log: bool) -> Sender:
    """In a worker: from now on events are sent, and what is logged is sent and not written, where there is a log:
    warnings of all, and what Docsort has to say.
    """
    global _sender
    _sender = Sender(connection)
    if with_log:
        # Kedro's command line, which a spawned process imports with the main module, has put a handler of its own
        # there.
        logging.getLogger().handlers[:] = [LogSender(_sender)]
        logging.getLogger("docsort").setLevel(logging.INFO)
    return _sender


def messages(connection: Connection) -> Iterator[Message]:
    """What a worker sends for one piece of work, as it comes and still pickled; the outcome is the last. Raises
    EOFError when the worker dies.
    """
    kind: Kind = "event"
    while kind not in OUTCOMES:
        kind = cast(Kind, connection.recv_bytes().decode())
        yield kind, connection.recv_bytes()


def receive_outcome(messages: Iterable[Message], on_event: OnEvent) -> tuple[Kind, Any]:
    """What comes of a piece of work, for `settle`, after everything that comes before it."""
    for kind, data in messages:
        content = pickle.loads(data)
        if kind == "record":
            _log(content)
        elif kind == "event":
            on_event(content)
        else:
            return kind, content
    raise EOFError


def settle(kind: Kind, content: Any) -> Any:
    """The result of a piece of work; raises its error."""
    if kind == "result":
        return content
    raised, trace = content
    raise raised from RemoteError(trace)


def _log(record: logging.LogRecord) -> None:
    target = logging.getLogger(record.name)
    if target.isEnabledFor(record.levelno):
        target.handle(record)


@contextmanager
def delivery(on_event: OnEvent | None) -> Iterator[OnEvent]:
    """Gives what takes events for `on_event` at once; at the end all of them have been delivered, in order.

    A thread of its own delivers them, so that a slow one holds up no work; one that raises hears no more.
    """
    if on_event is None:
        yield lambda event: None
        return
    events: SimpleQueue[object] = SimpleQueue()
    thread = threading.Thread(target=_deliver, args=(events, on_event), name="deliver-events", daemon=True)
    thread.start()
    try:
        yield events.put
    finally:
        events.put(END)
        thread.join()


def _deliver(events: "SimpleQueue[object]", on_event: OnEvent) -> None:
    while (event := events.get()) is not END:
        try:
            on_event(event)
        except Exception:
            logger.warning("Whoever listens to this work failed and hears no more; work goes on:", exc_info=True)
            return
