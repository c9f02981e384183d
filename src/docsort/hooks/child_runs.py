"""Trainings, told to MLflow while they train: a child run each, under the name of its task."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from docsort import tracking
from docsort.training.plan import MAIN
from docsort.training.watching import Listener, Outcome, Training

if TYPE_CHECKING:
    import pandas as pd

    from docsort.training.checkpoints import Checkpoint

TASK = re.compile(r"(?:specialist_(?P<specialist>.+)_|(?P<model>.+)_)?fold_(?P<fold>\d+)")
STATUS: dict[Outcome, str] = {"finished": tracking.FINISHED, "failed": tracking.FAILED, "stopped": tracking.KILLED}

History = list[tuple[int, dict[str, float]]]


class ChildRuns(Listener):
    """Opens a child run where a training begins, and writes to it after each epoch.

    The tracker lets no error out, but ends the tracking with one warning.
    """

    def __init__(self, tracker: tracking.Tracker) -> None:
        self._tracker = tracker

    def began(self, training: Training) -> None:
        self._tracker.open_child(training.name, _tags(training), _params(training))

    def epoch_ended(self, training: Training, row: Mapping[str, float]) -> None:
        metrics = {key: value for key, value in row.items() if key != "epoch"}
        self._tracker.log_child_epochs(training.name, [(int(row["epoch"]), metrics)])

    def ended(self, training: Training, outcome: Outcome, error: BaseException | None) -> None:
        why = {"error": f"{type(error).__name__}: {error}"} if outcome == "failed" else {}
        self._tracker.end_child(training.name, STATUS[outcome], why)

    def kept(self, training: Training, checkpoint: "Checkpoint") -> None:
        history, seconds = history_of(checkpoint.read_history())
        self._tracker.open_child(training.name, _tags(training) | {"kept": True}, _params(training), seconds)
        self._tracker.log_child(training.name, history, {}, seconds)


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


def _tags(training: Training) -> dict[str, object]:
    return {**task_tags(training.name), "device": training.device, "resumed": training.resumed}


def _params(training: Training) -> dict[str, object]:
    return {**tracking.flatten(training.recipe.model_dump(mode="json")), "seed": training.seed}
