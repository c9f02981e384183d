"""Work as it is followed from the main process: listeners are told when a job begins, how far it is, and how it ends.

A worker reports events by the executor's channel; `followed` and `predicting` give the `on_event` that turns them into
calls of listeners. Listeners only look: one that fails is dropped, and the work goes on.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from docsort.errors import StoppedError

logger = logging.getLogger(__name__)

LINE_INTERVAL_S = 10
"""How often a long prediction says in the log how far it is."""

Outcome = Literal["finished", "failed", "stopped"]
Row = Mapping[str, float]


@dataclass(frozen=True)
class Job:
    """One training. name: unique in a run. kind: of member. parameters: plain values, nested or not. device: where it
    runs, or ran. resumed: it goes on from its middle.
    """

    name: str
    kind: str
    parameters: Mapping[str, object]
    seed: int
    device: str = ""
    resumed: bool = False


@dataclass(frozen=True)
class Began:
    """The first event of every piece of work, by the executor: a worker begins, on these devices, if it leased any."""

    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a job is. epoch from 1; batch: how many of the epoch's are done; images_per_s and loss: means of the
    epoch so far, None before there are any.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    images_per_s: float | None
    loss: float | None


@dataclass(frozen=True)
class EpochRow:
    """A row of the history; of a job that goes on from its middle the earlier rows come first."""

    row: Row


@dataclass(frozen=True)
class PagesPredicted:
    """So many pages more, by so many forward passes of one page."""

    pages: int
    passes: int


class Listener:
    """What can be heard of work; a subclass overrides what it wants to know. Called from several threads."""

    def began(self, job: Job) -> None:
        """A worker begins."""

    def progressed(self, job: Job, progress: Progress) -> None:
        """About twice a second."""

    def epoch_ended(self, job: Job, row: Row) -> None:
        """A row of the history; of a job that goes on from its middle also the earlier rows."""

    def ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        """After the last row. error: why it did not finish."""

    def kept(self, job: Job, rows: Sequence[Row]) -> None:
        """An earlier run had finished it: nothing was done. rows: its history."""

    def predicted(self, name: str, done: int, pages: int) -> None:
        """While a model is asked about pages, and at the end, with as many done as there are; where it ends early,
        with the pages that were done as all there are."""


_listeners: list[Listener] = []
_lock = threading.Lock()


def add_listener(listener: Listener) -> None:
    """Work that begins from now on is told to it."""
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
def followed(job: Job) -> Iterator[Callable[[object], None]]:
    """Gives the `on_event` of the job's submit call, and tells of its end where it began; lets its errors through."""
    following = _Following(job)
    try:
        yield following.hear
    except BaseException as error:
        interrupted = isinstance(error, StoppedError) or not isinstance(error, Exception)
        following.end("stopped" if interrupted else "failed", error)
        raise
    following.end("finished")


def tell_kept(job: Job, rows: Sequence[Row]) -> None:
    """Tells that there was nothing to do."""
    _tell(lambda listener: listener.kept(job, rows))


def tell_predicted(name: str, done: int, pages: int) -> None:
    """Tells how far a prediction is."""
    _tell(lambda listener: listener.predicted(name, done, pages))


@contextmanager
def predicting(name: str, pages: int, known: int = 0) -> Iterator[Callable[[], Callable[[object], None]]]:
    """Gives what makes the `on_event` of each call that predicts some of these pages, of which `known` need no model;
    listeners hear how far the calls are together, and the log now and then.
    """
    counted = _Prediction(name, pages, known)
    try:
        yield lambda: _Part(counted).hear
    except BaseException:
        tell_predicted(name, counted.done, counted.done)
        raise
    tell_predicted(name, pages, pages)
    counted.log()


class _Following:
    """What has been heard of a job."""

    def __init__(self, job: Job) -> None:
        self.job, self.begun = job, False

    def hear(self, event: object) -> None:
        match event:
            case Began(devices):
                self.begun = True
                self.job = job = replace(self.job, device=", ".join(devices) or self.job.device)
                _tell(lambda listener: listener.began(job))
            case Progress():
                _tell(lambda listener: listener.progressed(self.job, event))
            case EpochRow(row):
                _tell(lambda listener: listener.epoch_ended(self.job, row))

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        if self.begun:
            _tell(lambda listener: listener.ended(self.job, outcome, error))


class _Prediction:
    """Counts the pages of one prediction, which several workers may make together."""

    def __init__(self, name: str, pages: int, known: int) -> None:
        self.name, self.pages, self.known = name, pages, known
        self.done, self.passes = known, 0
        self.started = self.logged = time.perf_counter()
        self.one_at_a_time = threading.Lock()

    def add(self, pages: int, passes: int) -> None:
        """Less than none where a call begins again."""
        with self.one_at_a_time:
            self.done += pages
            self.passes += passes
            if time.perf_counter() - self.logged > LINE_INTERVAL_S and self.done < self.pages:
                self.log()
            tell_predicted(self.name, self.done, self.pages)

    def log(self) -> None:
        """How far it is, and how fast."""
        self.logged = time.perf_counter()
        logger.info(
            "%s: predicted %d/%d pages, %.1f views each (%d/s)",
            self.name,
            self.done,
            self.pages,
            self.passes / max(1, self.done - self.known),
            self.passes / (self.logged - self.started),
        )


class _Part:
    """What one call has said of a prediction since it began, or began again because its worker died."""

    def __init__(self, whole: _Prediction) -> None:
        self.whole = whole
        self.pages = self.passes = 0

    def hear(self, event: object) -> None:
        match event:
            case Began() if self.pages:
                self.whole.add(-self.pages, -self.passes)
                self.pages = self.passes = 0
            case PagesPredicted(pages, passes):
                self.pages += pages
                self.passes += passes
                self.whole.add(pages, passes)


def _tell(call: Callable[[Listener], None]) -> None:
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        try:
            call(listener)
        except Exception:
            # Hours of work are worth more than what is said of them; and it would fail again, twice a second.
            if remove_listener(listener):
                name = type(listener).__name__
                logger.warning("%s failed and hears no more of this run; work goes on:", name, exc_info=True)
