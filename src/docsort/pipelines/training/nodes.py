"""Nodes of training."""

from typing import Any

import pandas as pd

from docsort.ensembling import view_choice
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.inference.prediction import predict
from docsort.reporting.scores import score_validation_views
from docsort.stores import Store
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import TrainingPlan, task_name
from docsort.training.splits import fold_task, join_judged, pages_to_judge
from docsort.training.tasks import train
from docsort.views import members_of


def train_fold(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    plan: TrainingPlan,
    seed: int,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> tuple[dict[str, Checkpoint], pd.DataFrame]:
    """Trains one fold's models on the renders of all other folds, unless the store has them; `leak_report` only has to
    exist.
    """
    targets, checkpoints, histories = list(classes["target"]), {}, []
    for model in plan.names:
        name, recipe = task_name(model, fold), plan.recipe(model)
        task = fold_task(name, fold, folds, training_renders, validation_renders, targets, recipe, seed)
        checkpoints[model] = train(task, checkpoint_store)
        histories.append(checkpoints[model].read_history().assign(model=model, fold=fold))
    return checkpoints, pd.concat(histories, ignore_index=True)


def predict_validation(
    checkpoints: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    ensembling: EnsemblingParameters,
    prediction_store: Store,
) -> pd.DataFrame:
    """Predicts both views of the sources this fold held out, in every turn that a test image may get."""
    policy = ensembling.all_views()
    predictions = []
    for model, checkpoint in checkpoints.items():
        pages = pages_to_judge(checkpoint, task_name(model, fold), fold, folds, validation_renders)
        predictions.append(predict(checkpoint, pages, policy, model, prediction_store))
    return pd.concat(predictions, ignore_index=True)


def join_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, predictions)


def choose_views(
    oof_predictions: pd.DataFrame, ensembling: EnsemblingParameters, seed: int
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Chooses how many views of a page are worth their cost, and averages these."""
    policy, curve, loss = view_choice.choose_views(
        oof_predictions, ensembling.turns, ensembling.scales, ensembling.view_tolerance, seed, ensembling.views
    )
    record = {"policy": policy.model_dump(mode="json"), "nested_loss": loss}
    return record, curve, members_of(oof_predictions, policy)


def score_validation(oof_predictions: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Scores both validation views, a fold and overall."""
    return score_validation_views(oof_predictions, seed)
