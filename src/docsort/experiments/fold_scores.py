"""What each fold of a run scores, as soon as the run has written it."""

from pathlib import Path

import numpy as np
import pandas as pd

from docsort.metrics import macro_f1
from docsort.tables import judged, probability_columns, targets_of, values_of

SCORE = "test_like_macro_f1"


def fold_score(data_root: Path, fold: int) -> float | None:
    """Macro-F1 on the fold's held-out test-like pages: of its network in its best epoch, the mean of several networks,
    known as soon as they are trained; without a network, of the plain mean of all members and views. None where the run
    is not that far. It is no forecast, but pages, damage and folds are the same for all trials.
    """
    history = data_root / "06_models" / f"fold_{fold}_history.csv"
    if not history.exists():
        return None
    epochs = pd.read_csv(history)
    if SCORE in epochs and len(epochs):
        return float(epochs.groupby("model")[SCORE].max().mean())
    path = data_root / "07_model_output" / f"fold_{fold}_oof_predictions.parquet"
    return score_of_members(pd.read_parquet(path)) if path.exists() else None


def score_of_members(predictions: pd.DataFrame) -> float:
    """Macro-F1 of the plain mean of all members and views on test-like pages."""
    seen = judged(predictions, "predictions of a fold")
    columns = probability_columns(seen)
    means = seen.groupby("render_id", sort=True)[columns].mean()
    labels = seen.groupby("render_id", sort=True)["label"].first().to_numpy(np.int64)
    answers = np.array(targets_of(columns))[values_of(means, columns).argmax(axis=1)]
    return macro_f1(labels, answers)


class FoldScores:
    """The folds of one run in their order, each read once."""

    def __init__(self, data_root: Path, folds: int) -> None:
        self._root, self._folds = data_root, folds
        self._found: list[float] = []

    def news(self) -> float | None:
        """The mean of all scores so far where a fold has come, the next in order; else None."""
        if len(self._found) == self._folds:
            return None
        score = fold_score(self._root, len(self._found))
        if score is None:
            return None
        self._found.append(score)
        return float(np.mean(self._found))

    def __len__(self) -> int:
        return len(self._found)
