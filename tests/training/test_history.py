import numpy as np
import pytest
from sklearn.metrics import f1_score

from docsort.training.history import History, score_conditions


def test_each_view_is_scored_by_itself() -> None:
    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    conditions = np.where(rng.random(200) < 0.5, "clean", "test_like")
    scores = score_conditions(labels, answers, conditions.tolist())
    for condition in ("clean", "test_like"):
        rows = conditions == condition
        assert scores[condition] == pytest.approx(f1_score(labels[rows], answers[rows], average="macro"))


def _history(scores: list[float], patience: int) -> History:
    history = History(patience)
    for epoch, score in enumerate(scores, start=1):
        history.add({"epoch": epoch, "test_like_macro_f1": score})
    return history


def test_first_of_equal_epochs_is_best() -> None:
    history = _history([0.5, 0.7, 0.7], patience=9)
    assert history.best is not None
    assert history.best["epoch"] == 2


@pytest.mark.parametrize(("scores", "stops"), [([0.5, 0.4], False), ([0.5, 0.4, 0.4], True), ([0.5, 0.4, 0.6], False)])
def test_stops_after_patience_epochs_without_a_better_one(scores: list[float], stops: bool) -> None:
    assert _history(scores, patience=2).should_stop is stops


def test_early_epochs_do_not_use_up_the_patience() -> None:
    history = History(patience=2, patient_epochs=3)
    stops = []
    for epoch, score in enumerate([0.5, 0.4, 0.4, 0.4, 0.4], start=1):
        history.add({"epoch": epoch, "test_like_macro_f1": score})
        stops.append(history.should_stop)
    assert stops == [False, False, False, False, True]
