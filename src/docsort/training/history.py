"""What is measured after each epoch: macro-F1 on both validation conditions, and which epoch was best."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.metrics import macro_f1
from docsort.tables import CONDITIONS


def score_conditions(
    labels: NDArray[np.int64], answers: NDArray[np.int64], conditions: Sequence[str]
) -> dict[str, float]:
    """Macro-F1 per condition, over the classes that its pages have; labels and answers (N,) in the same numbers."""
    of_condition = np.asarray(conditions)
    return {
        condition: macro_f1(labels[of_condition == condition], answers[of_condition == condition])
        for condition in CONDITIONS
    }


class History:
    """Epochs so far, best by test-like macro-F1; of equals the first is best.

    patient_epochs: so many first epochs do not use up the patience.
    """

    def __init__(self, patience: int, patient_epochs: int = 0) -> None:
        self.patience, self.patient_epochs = patience, patient_epochs
        self.rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> bool:
        """Takes the row of an epoch; True where it is the best so far."""
        self.rows.append(row)
        return self.best is row

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch; there must be one."""
        return max(self.rows, key=lambda row: row["test_like_macro_f1"])

    @property
    def should_stop(self) -> bool:
        """Whether `patience` epochs have gone by without a better one."""
        if not self.rows:
            return False
        return len(self.rows) - max(int(self.best["epoch"]), self.patient_epochs) >= self.patience
