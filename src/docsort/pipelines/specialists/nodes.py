"""Nodes of specialists."""

from typing import Any

import pandas as pd

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.images.dihedral import TURNS
from docsort.inference.prediction import predict
from docsort.metrics import mean_over_turns
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


def check_groups(classes: pd.DataFrame, parameters: SpecialistParameters, plan: TrainingPlan) -> pd.DataFrame:
    """Finds the given groups that the data has, and refuses groups and recipes that cannot be, before any training."""
    check_recipes(parameters, plan)
    return group_table(resolve_groups(classes, parameters.groups))


def find_groups(
    given_groups: pd.DataFrame,
    oof_predictions: pd.DataFrame,
    parameters: SpecialistParameters,
    ensembling: EnsemblingParameters,
) -> pd.DataFrame:
    """Adds groups that the general models confuse to the given ones, where that is wished."""
    given, found = groups_of_table(given_groups), []
    if parameters.find:
        found = find_lookalikes(mean_over_turns(oof_predictions, ensembling.turns), parameters)
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
    specialists: dict[str, Checkpoint], folds: pd.DataFrame, validation_renders: pd.DataFrame, fold: int
) -> pd.DataFrame:
    """Lets each specialist look at all pages its fold held out: in the test it cannot know either whose page it is."""
    opinions = []
    for name, checkpoint in specialists.items():
        pages = pages_to_judge(checkpoint, task_name(f"specialist_{name}", fold), fold, folds, validation_renders)
        opinions.append(predict(checkpoint, pages, TURNS, model=name))
    return join_specialists(opinions)


def join_specialist_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, predictions)


def judge_specialists(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    groups: pd.DataFrame,
    parameters: SpecialistParameters,
    ensembling: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """Decides out of fold which specialists may speak."""
    wanted = groups_of_table(groups)
    tables = (oof_predictions, specialist_oof_predictions)
    general, special = (mean_over_turns(table, ensembling.turns) if wanted else table for table in tables)
    return judge(general, special, wanted, parameters, seed)
