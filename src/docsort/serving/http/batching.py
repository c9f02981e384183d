"""Requests that wait together are answered together, by one call.

A network is asked about batches of one size, so a page among others costs a fraction of a page alone. Nobody waits for
a batch to fill: whoever answers takes what is there when it is free, so that a single request is answered at once, and
the busier the server is, the larger are its batches.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import pandas as pd

from docsort.ensembling.answering import CHUNK
from docsort.serving.classifier import Classifier
from docsort.serving.http.limits import too_busy


@dataclass(eq=False)
class _Job:
    """Pages of one request, and the classifier that was in use when it came."""

    classifier: Classifier
    pages: list[bytes]
    answers: "Future[pd.DataFrame]" = field(default_factory=Future)


class Batcher:
    """threads: calls at a time; most_waiting: pages that may wait; on_batch: told the number of pages of each call."""

    def __init__(self, threads: int, most_waiting: int, on_batch: Callable[[int], object] = lambda pages: None) -> None:
        self._most_waiting, self._on_batch = most_waiting, on_batch
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        for _ in range(threads):
            threading.Thread(target=self._serve, name="answer", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Pages that no call has been made for yet."""
        with self._changed:
            return sum(len(job.pages) for job in self._jobs)

    def submit(self, classifier: Classifier, pages: list[bytes]) -> "Future[pd.DataFrame]":
        """`Classifier.predict` of these pages, in their order. Raises Refused, 503, where too many wait."""
        job = _Job(classifier, pages)
        with self._changed:
            waiting = sum(len(other.pages) for other in self._jobs)
            if self._is_closed or (waiting and waiting + len(pages) > self._most_waiting):
                raise too_busy()
            self._jobs.append(job)
            self._changed.notify()
        return job.answers

    def close(self) -> None:
        """Takes no more; what waits is refused."""
        with self._changed:
            self._is_closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
        for job in left:
            if job.answers.set_running_or_notify_cancel():
                job.answers.set_exception(too_busy())

    def _serve(self) -> None:
        while jobs := self._take():
            self._answer(jobs)

    def _take(self) -> list[_Job]:
        """The next jobs of one classifier, as many as one worker answers together; none when it is closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._jobs or self._is_closed)
                if self._is_closed:
                    return []
                taken: list[_Job] = []
                while self._jobs and self._fits(taken, self._jobs[0]):
                    job = self._jobs.popleft()
                    if job.answers.set_running_or_notify_cancel():  # not where its client has given up
                        taken.append(job)
                if taken:
                    return taken

    def _fits(self, taken: list[_Job], job: _Job) -> bool:
        pages = sum(len(other.pages) for other in taken) + len(job.pages)
        return not taken or (job.classifier is taken[0].classifier and pages <= CHUNK)

    def _answer(self, jobs: list[_Job]) -> None:
        pages = [page for job in jobs for page in job.pages]
        self._on_batch(len(pages))
        try:
            names = [str(number) for number in range(len(pages))]
            table = jobs[0].classifier.predict(pages, names, in_workers=True)
        except Exception as error:
            for job in jobs:
                job.answers.set_exception(error)
            return
        start = 0
        for job in jobs:
            end = start + len(job.pages)
            job.answers.set_result(table.iloc[start:end].reset_index(drop=True))
            start = end
