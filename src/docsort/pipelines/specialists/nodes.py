"""Nodes of specialists."""

from typing import Any

import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.member_kinds import MAIN, Members, kind_of, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit_all
from docsort.members.prediction import predict
from docsort.members.splits import join_judged, pages_to_judge, split_fold
from docsort.members.views import ViewPolicy, members_of, page_views
from docsort.specialists.finding import find_lookalikes, with_found
from docsort.specialists.groups import group_table, groups_of_table, join_specialists, resolve_groups
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import check_recipes, specialist_task
from docsort.specialists.verdict import judge
from docsort.stores import Store


def check_groups(classes: pd.DataFrame, parameters: SpecialistParameters, members: Members) -> pd.DataFrame:
    """Finds the given groups that the data has, and refuses groups and recipes that cannot be, before any training."""
    check_recipes(parameters, members)
    return group_table(resolve_groups(classes, parameters.groups))


def find_groups(
    given_groups: pd.DataFrame, oof_members: pd.DataFrame, parameters: SpecialistParameters
) -> pd.DataFrame:
    """Adds groups that the general members confuse to the given ones, where that is wished."""
    given, found = groups_of_table(given_groups), []
    if parameters.find:
        found = find_lookalikes(oof_members, parameters)
    return with_found(given, found, parameters.find_most)


def fit_specialists(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    groups: pd.DataFrame,
    general: list[dict[str, Checkpoint]],
    parameters: SpecialistParameters,
    members: Members,
    training_plan: dict[str, Any],
    seed: int,
    checkpoint_store: Store,
    leak_report: dict[str, Any],
) -> dict[str, Checkpoint]:
    """Trains every group's specialist on its classes alone, by its own recipe; `leak_report` only has to exist."""
    tasks, planned = {}, members.planned(training_plan)
    for group in groups_of_table(groups):
        split = split_fold(fold, folds, training_renders, validation_renders, group.targets)
        tasks[group.name] = specialist_task(group, split, parameters, planned, seed, general[fold][MAIN])
    return dict(zip(tasks, fit_all(list(tasks.values()), checkpoint_store), strict=True))


def predict_specialist_validation(
    specialists: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    ensembling: EnsemblingParameters,
    prediction_store: Store,
) -> pd.DataFrame:
    """Lets each specialist predict all pages its fold held out: in the test it cannot know either whose page it is."""
    predictions = []
    for name, checkpoint in specialists.items():
        task = task_name(f"specialist_{name}", fold)
        pages = pages_to_judge(checkpoint, task, fold, folds, validation_renders)
        policy = ensembling.all_views()
        predictions.append(predict(kind_of(checkpoint), checkpoint, pages, policy, name, prediction_store))
    return join_specialists(predictions)


def join_specialist_predictions(
    folds: pd.DataFrame, view_policy: dict[str, Any], oof_predictions: pd.DataFrame, *predictions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out; and
    averages the views that test images get too, as the general members decide.
    """
    joined, policy = join_judged(folds, predictions), ViewPolicy.from_record(view_policy)
    return joined, members_of(joined, policy, counts=page_views(oof_predictions, policy))


def judge_specialists(
    oof_members: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    groups: pd.DataFrame,
    parameters: SpecialistParameters,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Decides out of fold which specialists are accepted, and when each is asked."""
    return judge(oof_members, specialist_oof_members, groups_of_table(groups), parameters, seed)
