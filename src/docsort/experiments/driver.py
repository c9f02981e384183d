"""Works on a queue: so many runs at a time, here or on Ray, until nothing waits that this process may do.

Several drivers may work on one queue; none does what another has claimed. One that is killed loses nothing: its runs
end with it, and who comes next takes them over and finds what they had finished.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from docsort.errors import DocsortError
from docsort.experiments.places import Place
from docsort.experiments.queue import FAILED, FINISHED, STOPPED, Job, Queue
from docsort.experiments.records import forecast_text, record_of
from docsort.experiments.running import LOG_FILE, Outcome, Stop

WAIT_S = 1.0
OVER_BUDGET = "the hours of the queue are used up"

logger = logging.getLogger(__name__)


class Driver:
    """Works on jobs; `stop` ends what runs. watch: asked for each job while it runs, see `running.Stop`."""

    def __init__(self, queue: Queue, project: Path, place: Place) -> None:
        self._queue, self._project, self._place = queue, project, place
        self._stopped = threading.Event()

    def stop(self) -> None:
        """What runs is ended, and nothing begins."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def wait(self, seconds: float) -> None:
        """So long, or until it is stopped."""
        self._stopped.wait(seconds)

    def work(self, workers: int, among: Sequence[str] | None = None) -> None:
        """Until nothing waits; what others have claimed is waited for, as they may be killed. among: keys."""
        self.side_by_side(workers, lambda: self._work(among))

    def side_by_side(self, workers: int, work: Callable[[], None]) -> None:
        """Calls `work` in so many threads and waits for all. What one of them raises, or a signal, stops what runs."""
        problems: list[BaseException] = []

        def caught() -> None:
            try:
                work()
            except BaseException as error:
                problems.append(error)
                self.stop()

        threads = [threading.Thread(target=caught, name=f"runs-{number}") for number in range(workers)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)  # in pieces, so that a signal is heard
        except BaseException:
            self.stop()
            for thread in threads:
                thread.join()
            raise
        if problems:
            raise problems[0]

    def do(self, job: Job, watch: Stop = lambda: None) -> Outcome:
        """One try of a job that this process has claimed, noted, and the claim given back."""
        logger.info("%s begins; its log: %s", job.name, self._queue.run_folder(job) / LOG_FILE)
        try:
            outcome = self._try(job, watch)
            if outcome.status != FINISHED:
                self._queue.note_try(job, outcome.status, outcome.seconds, outcome.why)
        finally:
            self._queue.claims.give_back(job.key)
        told = f"forecast {forecast_text(result)}" if (result := self._queue.standing(job).result) else outcome.why
        said = f": {told}" if told else ""
        logger.info("%s %s after %.0f s%s", job.name, outcome.status, outcome.seconds, said)
        return outcome

    def _try(self, job: Job, watch: Stop) -> Outcome:
        try:
            outcome = self._place.run(self._queue, job, self._project, lambda: self._unwanted(job) or watch())
            if outcome.status == FINISHED:
                self._queue.finish(job, {**record_of(job, self._queue.data_root(job)), "seconds": outcome.seconds})
        except DocsortError as error:
            return Outcome(FAILED, 0.0, str(error))
        if outcome.status == STOPPED and not self._stopped.is_set():
            self._queue.cancel(job, outcome.why)
        return outcome

    def _unwanted(self, job: Job) -> str | None:
        if self._stopped.is_set():
            return "this process was ended"
        return "it was cancelled" if self._queue.is_cancelled(job) else None

    def _work(self, among: Sequence[str] | None) -> None:
        while not self._stopped.is_set():
            if self.is_over_budget():
                logger.warning("Nothing more begins: %s", OVER_BUDGET)
                return
            job = self._queue.take(among)
            if job is not None:
                self.do(job)
            elif not self._others_work(among):
                return
            else:
                self._stopped.wait(WAIT_S)

    def is_over_budget(self) -> bool:
        """Whether what is spent, and a run of usual length on top, is more than the hours of the queue."""
        budget = self._queue.budget_s()
        if budget is None:
            return False
        times = [each.result["seconds"] for each in self._queue.standings() if each.state == "finished"]
        usual = sum(times) / len(times) if times else 0.0
        running = sum(each.state == "running" for each in self._queue.standings())
        return self._queue.spent_s() + usual * (running + 1) > budget

    def _others_work(self, among: Sequence[str] | None) -> bool:
        wanted = None if among is None else set(among)
        return any(
            each.state == "running" and (wanted is None or each.job.key in wanted) for each in self._queue.standings()
        )
