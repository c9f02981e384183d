"""Nodes of specialists."""

from typing import Any

import pandas as pd

from docsort.ensembling.combination import COUNTED
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.member_kinds import MAIN, Members, kind_of, task_name, tasks_of
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit_all
from docsort.members.prediction import predict
from docsort.members.splits import join_judged, pages_to_judge, split_fold
from docsort.members.views import ViewPolicy, members_of, page_views
from docsort.specialists.finding import find_lookalikes, with_found
from docsort.specialists.groups import group_table, groups_of_table, join_specialists, resolve_groups
from docsort.specialists.late import check_late, late_groups, pages_to_ask, shares_of_members
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import check_recipes, specialist_task
from docsort.specialists.trial import promising, try_groups
from docsort.specialists.verdict import judge
from docsort.stores import Store


def check_groups(
    classes: pd.DataFrame, parameters: SpecialistParameters, members: Members, ensembling: EnsemblingParameters
) -> pd.DataFrame:
    """Finds the given groups that the data has, and refuses groups, recipes and late members that cannot be, before any
    training."""
    check_recipes(parameters, members)
    check_late(members, parameters.groups, averages=ensembling.vote not in COUNTED)
    return group_table(resolve_groups(classes, parameters.groups))


def find_groups(
    given_groups: pd.DataFrame, general_oof_votes: pd.DataFrame, parameters: SpecialistParameters
) -> pd.DataFrame:
    """Adds groups that the general members confuse to the given ones, where that is wished."""
    given, found = groups_of_table(given_groups), []
    if parameters.find:
        found = find_lookalikes(general_oof_votes, parameters)
    return with_found(given, found, parameters.find_most)


def fit_specialists(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    groups: pd.DataFrame,
    general: list[dict[str, Checkpoint]],
    parameters: SpecialistParameters,
    members: Members,
    training_plan: dict[str, Any],
    seed: int,
    checkpoint_store: Store,
    prediction_store: Store,
    leak_report: dict[str, Any],
) -> dict[str, Checkpoint]:
    """Trains every group's specialist on its classes alone, by its own recipe, and the late members; `leak_report` only
    has to exist.
    """
    planned = members.named(classes).planned(training_plan)
    everything = split_fold(
        fold, folds, training_renders, validation_renders, classes["target"].tolist(), prediction_store
    )
    tasks = tasks_of(planned.late, everything, seed)
    for group in groups_of_table(groups):
        split = split_fold(fold, folds, training_renders, validation_renders, group.targets)
        tasks[group.name] = specialist_task(group, split, parameters, planned, seed, general[fold][MAIN])
    return dict(zip(tasks, fit_all(list(tasks.values()), checkpoint_store), strict=True))


def predict_specialist_validation(
    specialists: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    general_oof_votes: pd.DataFrame,
    members: Members,
    ensembling: EnsemblingParameters,
    prediction_store: Store,
) -> pd.DataFrame:
    """Lets each specialist predict all pages its fold held out: in the test it cannot know either whose page it is; and
    late members those that the general ones are unsure of.
    """
    predictions, late, policy = [], shares_of_members(members), ensembling.all_views()
    for name, checkpoint in specialists.items():
        task = task_name(name if name in late else f"specialist_{name}", fold)
        pages = pages_to_judge(checkpoint, task, fold, folds, validation_renders)
        if name in late:
            pages = pages_to_ask(pages, general_oof_votes, late[name])
        predictions.append(predict(kind_of(checkpoint), checkpoint, pages, policy, name, prediction_store))
    return join_specialists(predictions)


def try_specialists(
    folds: pd.DataFrame,
    view_policy: dict[str, Any],
    oof_predictions: pd.DataFrame,
    general_oof_votes: pd.DataFrame,
    groups: pd.DataFrame,
    parameters: SpecialistParameters,
    *predictions: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Finds out by the first folds which groups the others are to train: what came of each, and those that go on."""
    _, members = join_specialist_predictions(folds, view_policy, oof_predictions, *predictions)
    trials = try_groups(general_oof_votes, members, groups, parameters)
    return trials, promising(groups, trials)


def join_specialist_predictions(
    folds: pd.DataFrame, view_policy: dict[str, Any], oof_predictions: pd.DataFrame, *predictions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out; and
    averages the views that test images get too, as the general members decide.
    """
    joined, policy = join_judged(folds, predictions), ViewPolicy.from_record(view_policy)
    return joined, members_of(joined, policy, counts=page_views(oof_predictions, policy))


def judge_specialists(
    general_oof_votes: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    trials: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: SpecialistParameters,
    members: Members,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Decides out of fold which specialists and late members are accepted, and when each is asked."""
    everyone = [*groups_of_table(trials), *late_groups(members, classes["target"].astype(int).tolist())]
    late = shares_of_members(members)
    return judge(general_oof_votes, specialist_oof_members, everyone, parameters, seed, late, trials)
