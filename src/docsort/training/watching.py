"""Trainings, watched from the main process: listeners are told when one begins, how far it is, and how it ends.

Light: no torch, no pandas. A worker process cannot be asked while it trains, but it writes two files to the folder of
its checkpoint, the history and PROGRESS_FILE; a thread beside the waiting one reads them.

Listeners only look. One that fails is dropped, and the training goes on.
"""

import csv
import json
import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from docsort.errors import StoppedError

if TYPE_CHECKING:
    from docsort.training.checkpoints import Checkpoint
    from docsort.training.parameters import TrainingParameters

logger = logging.getLogger(__name__)

PROGRESS_FILE = "progress.json"

LOOK_EVERY_S = 0.5

Outcome = Literal["finished", "failed", "stopped"]


@dataclass(frozen=True)
class Training:
    """One training, as listeners know it. name: of the task, unique in a run. resumed: it goes on from its middle."""

    name: str
    recipe: "TrainingParameters"
    seed: int
    device: str
    resumed: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a training is. epoch from 1; batch: how many of the epoch's are done; images_per_s and loss: means of the
    epoch so far, None before there are any; rows: how many rows of the history hold.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    images_per_s: float | None
    loss: float | None
    rows: int


class Listener:
    """What can be heard of trainings; a subclass overrides what it wants to know. Called from several threads."""

    def began(self, training: Training) -> None:
        """A worker begins."""

    def progressed(self, training: Training, progress: Progress) -> None:
        """About twice a second."""

    def epoch_ended(self, training: Training, row: Mapping[str, float]) -> None:
        """A row of the history, texts left out; of a training that goes on from its middle also the earlier rows."""

    def ended(self, training: Training, outcome: Outcome, error: BaseException | None) -> None:
        """After the last row. error: why it did not finish."""

    def kept(self, training: Training, checkpoint: "Checkpoint") -> None:
        """An earlier run had finished it: nothing was trained, and the checkpoint has the whole history."""

    def predicted(self, name: str, done: int, pages: int) -> None:
        """About twice a second while a model is asked about pages, and at the end, with as many done as there are."""


_listeners: list[Listener] = []
_lock = threading.Lock()


def add_listener(listener: Listener) -> None:
    """Trainings that begin from now on are told to it."""
    with _lock:
        _listeners.append(listener)


def remove_listener(listener: Listener) -> bool:
    """Whether it was there to be removed."""
    with _lock:
        if there := listener in _listeners:
            _listeners.remove(listener)
    return there


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Adds a listener for a while."""
    add_listener(listener)
    try:
        yield
    finally:
        remove_listener(listener)


@contextmanager
def watched(training: Training, checkpoint: "Checkpoint") -> Iterator[None]:
    """Tells of the training that a worker does meanwhile, and of its end; lets its errors through."""
    progress = checkpoint.folder / PROGRESS_FILE
    progress.unlink(missing_ok=True)  # of a run that was killed
    try:
        with _told(training, checkpoint) if _listeners else nullcontext():
            yield
    finally:
        progress.unlink(missing_ok=True)


@contextmanager
def _told(training: Training, checkpoint: "Checkpoint") -> Iterator[None]:
    _tell(lambda listener: listener.began(training))
    watch = _Watch(training, checkpoint)
    outcome: Outcome = "finished"
    reason: BaseException | None = None
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, StoppedError) or not isinstance(error, Exception)
        outcome, reason = "stopped" if interrupted else "failed", error
        raise
    finally:
        watch.end()
        _tell(lambda listener: listener.ended(training, outcome, reason))


def tell_kept(training: Training, checkpoint: "Checkpoint") -> None:
    """Tells that there was nothing to train."""
    _tell(lambda listener: listener.kept(training, checkpoint))


def tell_predicted(name: str, done: int, pages: int) -> None:
    """Tells how far a prediction is."""
    _tell(lambda listener: listener.predicted(name, done, pages))


class _Watch:
    """A thread that looks into a folder, until `end`, which looks a last time."""

    def __init__(self, training: Training, checkpoint: "Checkpoint") -> None:
        self.training, self.checkpoint = training, checkpoint
        self.rows = 0
        self.last: Progress | None = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look_until_over, name=f"watch {training.name}", daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.over.set()
        self.thread.join()

    def _look_until_over(self) -> None:
        try:
            while not self.over.wait(LOOK_EVERY_S):
                self._look()
            self._look()
        except Exception:
            logger.warning("%s trains on, but is no longer watched:", self.training.name, exc_info=True)

    def _look(self) -> None:
        progress = _read_progress(self.checkpoint.folder / PROGRESS_FILE)
        if progress is None or progress == self.last:
            return
        self.last = progress
        if progress.rows > self.rows:  # what else the file has is of a run that was killed, and not yet trained again
            for row in _read_rows(self.checkpoint.history_path)[self.rows : progress.rows]:
                self._tell_row(row)
            self.rows = progress.rows
        _tell(lambda listener: listener.progressed(self.training, progress))

    def _tell_row(self, row: Mapping[str, float]) -> None:
        _tell(lambda listener: listener.epoch_ended(self.training, row))


def _tell(call: Callable[[Listener], None]) -> None:
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        try:
            call(listener)
        except Exception:
            # Hours of training are worth more than what is said of them; and it would fail again, twice a second.
            if remove_listener(listener):
                name = type(listener).__name__
                logger.warning("%s failed and hears no more of this run; training goes on:", name, exc_info=True)


def _read_progress(path: Path) -> Progress | None:
    try:
        return Progress(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:  # the worker has not begun
        return None


def _read_rows(path: Path) -> list[dict[str, float]]:
    """Numbers by column; NaN where a cell is empty, nothing where it holds a text."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_numbers(row) for row in csv.DictReader(file)]


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for column, cell in row.items():
        try:
            numbers[column] = float(cell) if cell else math.nan
        except ValueError:
            continue
    return numbers
