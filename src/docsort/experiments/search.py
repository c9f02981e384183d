"""The search for settings: Optuna proposes, the queue makes the runs, and a trial that is behind ends early.

What is optimised is the forecast of the submission. Who chooses the best of many forecasts chooses luck too, so the
winner, and what was there before, are judged once more with another seed: other folds, and other damage on other
copies, that had no say in the choice.

A trial is a job of the queue under the key of what made it: one that is proposed twice is made once, and a search that
was killed goes on with what it had.
"""

import logging
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docsort.errors import InputError
from docsort.experiments.description import Changes, Planned, merged
from docsort.experiments.driver import WAIT_S, Driver
from docsort.experiments.fold_scores import FoldScores
from docsort.experiments.planning import Project, identified
from docsort.experiments.queue import Job, Queue, Standing
from docsort.experiments.records import FOLDS
from docsort.experiments.space import SearchParameters, corners, suggested
from docsort.process_names import is_running, machine_name, process_name
from docsort.seeding import derive_seed
from docsort.stores import fingerprint

AS_GIVEN = "as given"
BEHIND = "it was behind after {} folds"
FEWEST_TO_COMPARE = 4
"""A trial is behind where its mean is below the median of at least so many others on the same folds (the median rule of
Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017)."""
METRIC = "forecast"
"""What optuna-dashboard calls what is searched for."""

MADE_OF = "made of"
"""Of a study: what its trials have in common."""

MACHINE, PROCESS, KEY, WHY = "machine", "process", "key", "why"
"""What is noted of a trial: who works on it, on which job, and why it failed; one left in its middle has no reason."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """described: the file; queue and project: where it runs."""

    described: SearchParameters
    queue: Queue
    project: Project
    driver: Driver

    def check(self) -> None:
        """Raises InputError, with the sentence of `kedro run`, where the project refuses a value of the space."""
        for changes in corners(self.described.space):
            self.project.settings(self._given(changes))

    def run(self, workers: int) -> Any:
        """Makes all trials, so many at a time; returns the study. Raises InputError where its storage fails."""
        study = open_study(self.described, self.queue.folder)
        self._recover(study)
        asking = threading.Lock()
        self.driver.side_by_side(workers, lambda: self._work(study, asking))
        return study

    def job(self, name: str, changes: Changes, seed: int | None = None) -> Job:
        """In the queue. seed: another than the one of the trials."""
        given = self._given(changes if seed is None else {**changes, "seed": seed})
        planned = Planned(name, "", given, retries=self.described.retries, env=self.described.env)
        (job,) = self.queue.add([identified(planned, self.project)])
        return job

    def finished(self, job: Job, watch: Callable[[], str | None] = lambda: None) -> Standing:
        """The job when it is over, made by this process or by another."""
        while True:
            standing = self.queue.standing(job)
            if standing.state in ("finished", "failed", "cancelled") or self.driver.is_stopped:
                return standing
            if self.queue.take([job.key]) is not None:
                self.driver.do(job, watch)
            else:
                self.driver.wait(WAIT_S)

    def _given(self, changes: Changes) -> Changes:
        return merged([self.described.parameters, changes, self.described.data.as_parameters()])

    def _work(self, study: Any, asking: threading.Lock) -> None:
        while not self.driver.is_stopped and not self.driver.is_over_budget():
            with asking:
                if count_trials(study) >= self.described.trials:
                    return
                study.sampler = _sampler(self.described, len(study.get_trials(deepcopy=False)))
                trial = study.ask()
                changes = suggested(self.described.space, trial)
                for name, value in ((MACHINE, machine_name()), (PROCESS, process_name())):
                    trial.set_user_attr(name, value)
            self._try(study, trial, changes)

    def _try(self, study: Any, trial: Any, changes: Changes) -> None:
        from optuna.trial import TrialState

        job = self.job(f"{self.described.name}/{trial.number}", changes)
        trial.set_user_attr(KEY, job.key)
        scores = FoldScores(self.queue.data_root(job), job.facts[FOLDS])
        standing = self.finished(job, lambda: self._behind(trial, scores))
        if standing.state == "finished":
            while self._report(trial, scores):
                pass
            study.tell(trial, standing.result["forecast"])
        elif standing.state == "cancelled":
            study.tell(trial, state=TrialState.PRUNED)
        elif standing.state == "failed":
            trial.set_user_attr(WHY, standing.why)
            study.tell(trial, state=TrialState.FAIL)

    def _behind(self, trial: Any, scores: FoldScores) -> str | None:
        if self._report(trial, scores) and self.described.prune_after and trial.should_prune():
            return BEHIND.format(len(scores))
        return None

    def _report(self, trial: Any, scores: FoldScores) -> bool:
        """Whether one more fold has come; told from the first number of folds on at which a trial may end."""
        mean = scores.news()
        if mean is not None and len(scores) >= self.described.prune_after:
            trial.report(mean, len(scores))
        return mean is not None

    def _recover(self, study: Any) -> None:
        """Trials whose process is gone are proposed again; what they had made is found by its key."""
        from optuna.trial import TrialState

        with self.queue.claims.door():
            for trial in study.get_trials(states=(TrialState.RUNNING,)):
                noted = trial.user_attrs
                if noted.get(MACHINE) == machine_name() and not is_running(noted.get(PROCESS, "")):
                    study.enqueue_trial(trial.params)
                    study.tell(trial.number, state=TrialState.FAIL)


def open_study(described: SearchParameters, folder: Path) -> Any:
    """The study, new or as it stands. Raises InputError where Optuna is not there or its storage cannot be opened."""
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage
    except ImportError as error:
        raise InputError("Expected Optuna for a search, but it is not there; run `uv sync --extra search`.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    file = study_file(described, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    storage = described.storage or JournalStorage(JournalFileBackend(str(file)))
    pruner = optuna.pruners.MedianPruner(FEWEST_TO_COMPARE, max(1, described.prune_after))
    try:
        study = optuna.create_study(
            study_name=described.name, storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
        )
    except Exception as error:  # of any database that SQLAlchemy knows
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"Expected a storage that Optuna can open, but it says: {reason}; correct `storage`."
        ) from error
    made_of = fingerprint(described.space, described.parameters, described.data, described.env)
    if study.user_attrs.get(MADE_OF, made_of) != made_of:
        raise InputError(
            f"Expected the search `{described.name}` to go on with the space, parameters and data that it began with, "
            "but they are other now; give it another `name`."
        )
    study.set_user_attr(MADE_OF, made_of)
    study.set_metric_names([METRIC])
    return study


def study_file(described: SearchParameters, folder: Path) -> Path:
    """What `optuna-dashboard` opens, where no database is named."""
    return folder / "studies" / f"{described.name}.journal"


def count_trials(study: Any) -> int:
    """Those that are over or under way, without those that were left in their middle."""
    from optuna.trial import TrialState

    nothing = (TrialState.WAITING, TrialState.FAIL)
    return sum(trial.state not in nothing or WHY in trial.user_attrs for trial in study.get_trials(deepcopy=False))


def _sampler(described: SearchParameters, number: int) -> Any:
    """By the number of the trial, so that a search that goes on proposes what an unbroken one would."""
    from optuna.samplers import TPESampler

    seed = derive_seed(described.seed, "search", number) % 2**32
    return TPESampler(n_startup_trials=described.startup_trials, seed=seed, multivariate=True, group=True)
