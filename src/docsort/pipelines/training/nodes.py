"""Nodes of training."""

from typing import Any

import pandas as pd

from docsort.images.dihedral import TURNS
from docsort.inference.prediction import predict
from docsort.reporting.scores import score_validation_views
from docsort.stores import Store
from docsort.training.checkpoints import Checkpoint
from docsort.training.parameters import TrainingParameters
from docsort.training.splits import fold_task, join_judged, pages_to_judge
from docsort.training.tasks import train


def train_fold(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: TrainingParameters,
    seed: int,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> tuple[dict[str, Checkpoint], pd.DataFrame]:
    """Trains one fold on the renders of all other folds, unless the store has it; `leak_report` only has to exist."""
    targets = list(classes["target"])
    task = fold_task(f"fold_{fold}", fold, folds, training_renders, validation_renders, targets, parameters, seed)
    checkpoint = train(task, checkpoint_store)
    return {"main": checkpoint}, checkpoint.read_history().assign(fold=fold)


def predict_validation(
    checkpoint: dict[str, Checkpoint], folds: pd.DataFrame, validation_renders: pd.DataFrame, fold: int
) -> pd.DataFrame:
    """Predicts both views of the sources this fold held out, on the eight turns that the test images get too."""
    pages = pages_to_judge(checkpoint["main"], f"fold_{fold}", fold, folds, validation_renders)
    return predict(checkpoint["main"], pages, TURNS, model="main")


def join_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, predictions)


def score_validation(oof_predictions: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Scores both validation views, a fold and overall."""
    return score_validation_views(oof_predictions, seed)
