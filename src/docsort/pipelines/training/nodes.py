"""Nodes of training."""

from typing import Any

import pandas as pd

from docsort.ensembling import view_choice
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.folds import check_no_leak
from docsort.inference.prediction import predict
from docsort.looking.describing import LOOKS, describe_pages
from docsort.looking.opinions import predict_by_look
from docsort.looking.parameters import LookParameters
from docsort.looking.tasks import learn_look, look_task, worn_renders
from docsort.reporting.scores import score_validation_views
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import LOOK, TrainingPlan, task_name
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


def describe_renders(
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    parameters: LookParameters,
    leak_report: dict[str, Any],
) -> pd.DataFrame:
    """Describes by numbers the renders that looks learn from or are judged on; `leak_report` only has to exist."""
    if not parameters.enabled:
        return pd.DataFrame(columns=list(LOOKS))
    shown = [table[["render_id", "path"]] for table in (validation_renders, worn_renders(training_renders, parameters))]
    return describe_pages(pd.concat(shown, ignore_index=True), parameters)


def learn_fold_look(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    render_looks: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: LookParameters,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> dict[str, Checkpoint]:
    """Makes the model that needs no training, from the renders of all other folds; none where it is switched off."""
    if not parameters.enabled:
        return {}
    check_no_leak(folds, training_renders, validation_renders)
    name, targets = task_name(LOOK, fold), classes["target"].tolist()
    task = look_task(name, fold, training_renders, validation_renders, render_looks, targets, parameters)
    return {LOOK: learn_look(task, checkpoint_store)}


def predict_validation_by_look(
    looks: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    render_looks: pd.DataFrame,
    fold: int,
    ensembling: EnsemblingParameters,
) -> pd.DataFrame:
    """Looks at both views of the sources this fold held out; no rows where there is no look."""
    predictions = [pd.DataFrame(columns=list(PREDICTION_KEYS))]
    for model, checkpoint in looks.items():
        pages = pages_to_judge(checkpoint, task_name(model, fold), fold, folds, validation_renders)
        predictions.append(predict_by_look(checkpoint, pages, render_looks, ensembling.all_views(), model))
    return pd.concat(predictions[1:] or predictions, ignore_index=True)


def join_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, [table for table in predictions if len(table)] or predictions[:1])


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
