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

    early_epochs: so many first epochs, on smaller pages, do not use up the patience.
    """

    def __init__(self, patience: int, early_epochs: int = 0) -> None:
        self.patience, self.early_epochs = patience, early_epochs
        self.rows: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None

    def add(self, row: dict[str, Any]) -> bool:
        """Takes the row of an epoch; True where it is the best so far."""
        self.rows.append(row)
        if self.best is not None and row["test_like_macro_f1"] <= self.best["test_like_macro_f1"]:
            return False
        self.best = row
        return True

    @property
    def should_stop(self) -> bool:
        """Whether `patience` epochs have gone by without a better one."""
        if self.best is None:
            return False
        return len(self.rows) - max(int(self.best["epoch"]), self.early_epochs) >= self.patience
