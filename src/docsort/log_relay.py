"""Log lines of worker processes, brought to the log of the main process.

There the settings of the main process hold for them as for its own: level, format, and the console, on which a line
that another process wrote past it would tear a progress bar. A main process without any handler, a script for example,
relays nothing: then a worker writes for itself.
"""

import logging
import logging.handlers
import threading
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Lock

MESSAGE_LENGTH = 2000
"""Characters. So short a record goes through a pipe whole or not at all, also when its worker is killed meanwhile: half
of one would block whoever reads it."""

LOOK_EVERY_S = 0.5
"""How long the thread waits for a line before it looks whether it is to end."""


class LogSender(logging.handlers.QueueHandler):
    """The root handler of a worker: each record goes to the main process before the call that logged it returns."""

    def __init__(self, sender: Connection, one_at_a_time: Lock) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # a pipe in place of a queue: no thread, and nothing is lost
        self.sender, self.one_at_a_time = sender, one_at_a_time

    def enqueue(self, record: logging.LogRecord) -> None:
        record.msg = record.message = str(record.msg)[:MESSAGE_LENGTH]
        with self.one_at_a_time:
            self.sender.send(record)


class LogRelay:
    """The main process's end: a thread handles what the workers of one pool have logged."""

    def __init__(self, context: BaseContext) -> None:
        self.receiver, sender = context.Pipe(duplex=False)
        self.ends = (sender, context.Lock())
        """What a worker makes its LogSender of; kept open, as a pool may start workers later."""
        self.over = threading.Event()
        self.reading = threading.Lock()
        threading.Thread(target=self._handle_until_over, name="log-relay", daemon=True).start()

    def catch_up(self) -> None:
        """Handles what has come; a worker's result is behind its lines, so none of them is missing afterwards."""
        with self.reading:
            while self.receiver.poll(0):
                handle(self.receiver.recv())

    def end(self) -> None:
        """Lets the thread end, after a last look."""
        self.over.set()

    def _handle_until_over(self) -> None:
        while not self.over.is_set():
            self.receiver.poll(LOOK_EVERY_S)
            self.catch_up()


def handle(record: logging.LogRecord) -> None:
    """Lets a record of another process go the way of one that was logged here."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def send_logs(sender: Connection, one_at_a_time: Lock) -> None:
    """In a worker: from now on what is logged is sent and not written. Warnings of all, and what Docsort has to say."""
    # Kedro's command line, which a spawned process imports with the main module, has put a handler of its own there.
    logging.getLogger().handlers[:] = [LogSender(sender, one_at_a_time)]
    logging.getLogger("docsort").setLevel(logging.INFO)
