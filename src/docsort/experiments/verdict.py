"""What a search came to: the winner by the figure it was chosen by, and by one that had no say in the choice."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.experiments.comparison import Comparison, compare
from docsort.experiments.queue import Job, Queue, Standing
from docsort.experiments.records import forecast_text, newest
from docsort.experiments.search import AS_GIVEN, Search
from docsort.files import write_atomically
from docsort.seeding import derive_seed

JUDGED = "judged"
SEED_LIMIT = 10**6
"""A seed that a person can type."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """best, judged: rows of the winner, as chosen and with another seed; before, before_judged: of the parameters as
    given; changes: of the winner; finished, pruned, failed: how many trials; name: to submit."""

    best: Row
    judged: Row
    before: Row
    before_judged: Row
    changes: Mapping[str, Any]
    counts: Mapping[str, int]
    name: str
    comparison: Comparison

    def lines(self) -> list[str]:
        """For a person."""
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        changed = ", ".join(f"{name}={value}" for name, value in self.changes.items())
        luck = self.best["forecast"] - self.judged["forecast"]
        other = self.comparison.others[next(iter(self.comparison.others))]
        leads = self.comparison.leader == self.name
        verdict = (
            f"{'It is' if leads else 'The parameters as given are'} "
            f"{'really better' if other.is_better else 'ahead, but may be no better'}: by {other.delta:.3f} "
            f"[{other.low:+.3f}, {other.high:+.3f}] out of fold."
        )
        return [
            f"{told}.",
            f"Best: {changed}",
            f"  forecast by which it was chosen              {_figures(self.best)}",
            f"  on folds and damage that had no say          {_figures(self.judged)}",
            f"  as given, on the folds of the search         {_figures(self.before)}",
            f"  as given, on folds that had no say           {_figures(self.before_judged)}",
            f"The first figure is of the luckiest of {self.counts['finished']}; tell the second, {-luck:+.3f}.",
            verdict,
            f"docsort experiments submit '{self.name}'",
        ]


def judge(search: Search, study: Any, workers: int) -> Verdict:
    """Makes the runs that judge the winner, so many at a time. Raises InputError where no trial has
    finished, or one of them fails.
    """
    described, queue = search.described, search.queue
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    counts = {
        "finished": states.count("COMPLETE"),
        "ended early": states.count("PRUNED"),
        "failed": states.count("FAIL"),
    }
    if not counts["finished"]:
        raise InputError("Expected a trial that finished, but there is none; `docsort experiments status` says why.")
    trial = study.best_trial
    seed = derive_seed(described.seed, "judge") % SEED_LIMIT
    wanted = {
        "best": search.job(f"{described.name}/{trial.number}", trial.params),
        "judged": search.job(f"{described.name}/{trial.number}/{JUDGED}", trial.params, seed),
        "before": search.job(f"{described.name}/{AS_GIVEN}", {}),
        "before_judged": search.job(f"{described.name}/{AS_GIVEN}/{JUDGED}", {}, seed),
    }
    search.driver.work(workers, [job.key for job in wanted.values()])
    rows = {what: _row(queue.standing(job)) for what, job in wanted.items()}
    judged = [wanted["judged"], wanted["before_judged"]]
    tables = {job.name: pd.read_parquet(_votes(queue, job)) for job in judged}
    name = wanted["judged"].name
    if len(tables) < 2:
        raise InputError(f"The best of all trials is the one as given, {wanted['before'].name}: nothing is gained.")
    return Verdict(**rows, changes=trial.params, counts=counts, name=name, comparison=compare(tables, described.seed))


def write_verdict(verdict: Verdict, file: Path) -> None:
    """As JSON."""
    write_atomically(file, json.dumps({"lines": verdict.lines(), **asdict(verdict)}, indent=1, default=str).encode())


def _row(standing: Standing) -> Row:
    if standing.state != "finished":
        raise InputError(
            f"Expected {standing.job.name} to finish, as the winner is judged by it, but it is {standing.state}"
            f"{f': {standing.why}' if standing.why else ''}; give the same command again."
        )
    return standing.result


def _votes(queue: Queue, job: Job) -> Path:
    return newest(queue.data_root(job) / "07_model_output" / "oof_votes.parquet")


def _figures(row: Row) -> str:
    true = "" if row.get("true") is None else f"  true test {row['true']:.3f}"
    return f"{forecast_text(row)}{true}"
