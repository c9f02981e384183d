"""Nodes of specialists."""

from typing import Any

import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.inference.prediction import predict
from docsort.specialists.finding import find_lookalikes, with_found
from docsort.specialists.groups import group_table, groups_of_table, join_specialists, resolve_groups
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import begin_with, check_recipes, recipe_of
from docsort.specialists.verdict import judge
from docsort.stores import Store
from docsort.training.checkpoints import HISTORY, Checkpoint
from docsort.training.plan import MAIN, TrainingPlan, task_name
from docsort.training.splits import fold_task, join_judged, pages_to_judge
from docsort.training.tasks import train
from docsort.views import ViewPolicy, members_of


def check_groups(classes: pd.DataFrame, parameters: SpecialistParameters, plan: TrainingPlan) -> pd.DataFrame:
    """Finds the given groups that the data has, and refuses groups and recipes that cannot be, before any training."""
    check_recipes(parameters, plan)
    return group_table(resolve_groups(classes, parameters.groups))


def find_groups(
    given_groups: pd.DataFrame, oof_members: pd.DataFrame, parameters: SpecialistParameters
) -> pd.DataFrame:
    """Adds groups that the general models confuse to the given ones, where that is wished."""
    given, found = groups_of_table(given_groups), []
    if parameters.find:
        found = find_lookalikes(oof_members, parameters)
    return with_found(given, found, parameters.find_most)


def train_specialists(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    groups: pd.DataFrame,
    general: dict[str, Checkpoint],
    parameters: SpecialistParameters,
    plan: TrainingPlan,
    seed: int,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> tuple[dict[str, Checkpoint], pd.DataFrame]:
    """Trains every group's specialist on its classes alone, by its own recipe; `leak_report` only has to exist."""
    checkpoints, histories = {}, [pd.DataFrame(columns=[*HISTORY, "group", "fold"])]
    for group in groups_of_table(groups):
        name, recipe = task_name(f"specialist_{group.name}", fold), recipe_of(group, parameters, plan)
        task = fold_task(name, fold, folds, training_renders, validation_renders, group.targets, recipe, seed)
        task = begin_with(task, general[MAIN]) if parameters.start == MAIN else task
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
    opinions = []
    for name, checkpoint in specialists.items():
        pages = pages_to_judge(checkpoint, task_name(f"specialist_{name}", fold), fold, folds, validation_renders)
        opinions.append(predict(checkpoint, pages, ensembling.all_views(), name, prediction_store))
    return join_specialists(opinions)


def join_specialist_predictions(
    folds: pd.DataFrame, view_policy: dict[str, Any], *predictions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out; and
    averages the views that test images get too.
    """
    joined = join_judged(folds, predictions)
    return joined, members_of(joined, ViewPolicy.model_validate(view_policy["policy"]))


def judge_specialists(
    oof_members: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    groups: pd.DataFrame,
    parameters: SpecialistParameters,
    seed: int,
) -> pd.DataFrame:
    """Decides out of fold which specialists may speak."""
    return judge(oof_members, specialist_oof_members, groups_of_table(groups), parameters, seed)
