"""What is measured after each epoch: macro-F1 on both validation views, and which epoch was best."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.metrics import macro_f1
from docsort.tables import VIEWS


def score_views(labels: NDArray[np.int64], answers: NDArray[np.int64], views: Sequence[str]) -> dict[str, float]:
    """Macro-F1 a view, over the classes that the view's pages have; labels and answers (N,) in the same numbers."""
    of_view = np.asarray(views)
    return {view: macro_f1(labels[of_view == view], answers[of_view == view]) for view in VIEWS}


class History:
    """Epochs so far, best by test-like macro-F1; of equals the first is best.

    patient_epochs: so many first epochs do not use up the patience. keep: how many of the best are wanted.
    """

    def __init__(self, patience: int, patient_epochs: int = 0, keep: int = 1) -> None:
        self.patience, self.patient_epochs, self.keep = patience, patient_epochs, keep
        self.rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> bool:
        """Takes the row of an epoch; True where it is among the best so far."""
        self.rows.append(row)
        return int(row["epoch"]) in self.best_epochs

    @property
    def best_epochs(self) -> list[int]:
        """The epochs wanted, from 1, the best first."""
        ranked = sorted(self.rows, key=lambda row: (-row["test_like_macro_f1"], row["epoch"]))
        return [int(row["epoch"]) for row in ranked[: self.keep]]

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch; there must be one."""
        return self.rows[self.best_epochs[0] - 1]

    @property
    def should_stop(self) -> bool:
        """Whether `patience` epochs have gone by without a better one."""
        if not self.rows:
            return False
        return len(self.rows) - max(self.best_epochs[0], self.patient_epochs) >= self.patience
