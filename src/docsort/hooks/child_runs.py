"""Trainings, told to MLflow while they train: a child run each, under the name of its task.

A training that an earlier run has done has its child run there, and none here.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from docsort import tracking
from docsort.member_kinds import MAIN
from docsort.mlflow_entries import flatten
from docsort.work.progress import Job, Listener, Outcome, Row

if TYPE_CHECKING:
    import pandas as pd

TASK = re.compile(r"(?:specialist_(?P<specialist>.+)_|(?P<model>.+)_)?fold_(?P<fold>\d+)")
STATUS: dict[Outcome, str] = {"finished": tracking.FINISHED, "failed": tracking.FAILED, "stopped": tracking.KILLED}

History = list[tuple[int, dict[str, float]]]


class ChildRuns(Listener):
    """Opens a child run where a training begins, and writes to it after each epoch.

    The tracker lets no error out, but ends the tracking with one warning.
    """

    def __init__(self, tracker: tracking.Tracker) -> None:
        self._tracker = tracker

    def began(self, job: Job) -> None:
        self._tracker.open_child(job.name, _tags(job), _params(job))

    def epoch_ended(self, job: Job, row: Row) -> None:
        self._tracker.log_child_epochs(job.name, [_epoch(row)])

    def ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        why = {"error": f"{type(error).__name__}: {error}"} if outcome == "failed" else {}
        self._tracker.end_child(job.name, STATUS[outcome], why)

    def kept(self, job: Job, rows: Sequence[Row]) -> None:
        self._tracker.keep(job.name)


def _epoch(row: Row) -> tuple[int, dict[str, float]]:
    return int(row["epoch"]), {key: float(value) for key, value in row.items() if key != "epoch"}


def history_of(table: "pd.DataFrame") -> tuple[History, float]:
    """(epoch, metrics) pairs of a table HISTORY and the seconds it took; whose it is, is told by tags."""
    numbers = table.select_dtypes("number").drop(columns=["epoch", "fold"], errors="ignore")
    rows = [{str(key): float(value) for key, value in row.items()} for row in numbers.to_dict("records")]
    epochs = [int(epoch) for epoch in table["epoch"]]
    return list(zip(epochs, rows, strict=True)), float(table["seconds"].sum()) if "seconds" in table else 0.0


def task_tags(name: str) -> dict[str, str]:
    """fold, and specialist or model, of what `plan.task_name` made; empty for a name of another kind."""
    match = TASK.fullmatch(name)
    if match is None:
        return {}
    told = {key: text for key, text in match.groupdict().items() if text is not None}
    return told if "specialist" in told else {"model": MAIN} | told


def _tags(job: Job) -> dict[str, object]:
    return {**task_tags(job.name), "device": job.device, "resumed": job.resumed}


def _params(job: Job) -> dict[str, object]:
    return {**flatten(dict(job.parameters)), "seed": job.seed}
