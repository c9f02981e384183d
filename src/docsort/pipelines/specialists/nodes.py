"""Nodes of specialists."""

from typing import Any

import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.inference.prediction import predict
from docsort.specialists.groups import group_table, groups_of_table, resolve_groups
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.verdict import judge
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS
from docsort.training.checkpoints import HISTORY, Checkpoint
from docsort.training.plan import MAIN, TrainingPlan, task_name
from docsort.training.splits import fold_task, join_judged, pages_to_judge
from docsort.training.tasks import train
from docsort.views import ViewPolicy


def find_groups(classes: pd.DataFrame, parameters: SpecialistParameters) -> pd.DataFrame:
    """Finds the groups of confusable classes that the data has."""
    return group_table(resolve_groups(classes, parameters.groups))


def train_specialists(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    groups: pd.DataFrame,
    plan: TrainingPlan,
    seed: int,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> tuple[dict[str, Checkpoint], pd.DataFrame]:
    """Trains every group's specialist on its classes alone, as the main model is; `leak_report` only has to exist."""
    recipe = plan.recipe(MAIN)
    checkpoints, histories = {}, [pd.DataFrame(columns=[*HISTORY, "group", "fold"])]
    for group in groups_of_table(groups):
        name = task_name(f"specialist_{group.name}", fold)
        task = fold_task(name, fold, folds, training_renders, validation_renders, group.targets, recipe, seed)
        checkpoints[group.name] = train(task, checkpoint_store)
        histories.append(checkpoints[group.name].read_history().assign(group=group.name, fold=fold))
    return checkpoints, pd.concat(histories[1:] or histories, ignore_index=True)


def predict_specialist_validation(
    specialists: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    ensembling: EnsemblingParameters,
    prediction_store: Store,
) -> pd.DataFrame:
    """Lets each specialist look at all pages its fold held out: in the test it cannot know either whose page it is."""
    opinions = [pd.DataFrame(columns=list(PREDICTION_KEYS))]
    for name, checkpoint in specialists.items():
        pages = pages_to_judge(checkpoint, task_name(f"specialist_{name}", fold), fold, folds, validation_renders)
        opinions.append(predict(checkpoint, pages, ensembling.all_views(), name, prediction_store))
    return pd.concat(opinions[1:] or opinions, ignore_index=True)


def join_specialist_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, predictions)


def judge_specialists(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    groups: pd.DataFrame,
    parameters: SpecialistParameters,
    view_policy: dict[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Decides out of fold which specialists may speak."""
    found = groups_of_table(groups)
    policy = ViewPolicy.model_validate(view_policy["policy"])
    return judge(oof_predictions, specialist_oof_predictions, found, parameters, seed, policy)
