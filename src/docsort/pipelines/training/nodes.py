"""Nodes of training."""

from typing import Any

import pandas as pd

from docsort.ensembling import view_choice
from docsort.ensembling.decisions import plans_by_fold
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.votes import fold_votes
from docsort.member_kinds import Members, histories_of, kind_of, task_name, tasks_of
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit_all
from docsort.members.prediction import predict
from docsort.members.splits import join_judged, pages_to_judge, renders_in, split_fold
from docsort.members.views import members_of
from docsort.stores import Store
from docsort.training import planning
from docsort.training.parameters import EffortParameters


def plan_training(
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    images: pd.DataFrame,
    members: Members,
    ensembling: EnsemblingParameters,
    effort: EffortParameters,
    leak_report: dict[str, Any],
) -> dict[str, Any]:
    """Says how many epochs each network trains, before any of them does; `leak_report` only has to exist."""
    count = folds["fold"].nunique()
    own, seen = (renders_in(members.main.page_format, table) for table in (training_renders, validation_renders))
    damaged, test = (seen["condition"] == "test_like").sum(), (images["split"] == "test").sum()
    renders, worn = (int(pages * (count - 1) / count) for pages in (len(own), damaged))
    read = sum(len(seen) + round(test * reader.ask_share) for reader in members.readers.values())
    job = planning.Job(count, renders, worn, len(seen) // count, int(test), len(members.frozen), read)
    views = len(ensembling.all_views().views)
    planning.tell_members(effort.preset, count, {name: member.kind for name, member in members})
    return {"preset": effort.preset, **planning.plan_epochs(members.networks, job, views, effort.time_limit)}


def fit_members(
    fold: int,
    folds: pd.DataFrame,
    training_renders: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    members: Members,
    training_plan: dict[str, Any],
    seed: int,
    checkpoint_store: Store,
    prediction_store: Store,
    leak_report: dict[str, Any],
) -> tuple[dict[str, Checkpoint], pd.DataFrame]:
    """Trains one fold's general members on the renders of all other folds, unless the store has them; `leak_report`
    only has to exist.
    """
    split = split_fold(fold, folds, training_renders, validation_renders, classes["target"].tolist(), prediction_store)
    tasks = tasks_of(members.named(classes).planned(training_plan).general, split, seed)
    checkpoints = dict(zip(tasks, fit_all(list(tasks.values()), checkpoint_store), strict=True))
    return checkpoints, histories_of(checkpoints, fold)


def predict_validation(
    checkpoints: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    ensembling: EnsemblingParameters,
    prediction_store: Store,
) -> pd.DataFrame:
    """Predicts the sources this fold held out, under both conditions, in every view that a test image may get."""
    policy, predictions = ensembling.all_views(), []
    for name, checkpoint in checkpoints.items():
        pages = pages_to_judge(checkpoint, task_name(name, fold), fold, folds, validation_renders)
        predictions.append(predict(kind_of(checkpoint), checkpoint, pages, policy, name, prediction_store))
    return pd.concat(predictions, ignore_index=True)


def join_histories(*histories: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' learning histories below each other."""
    return pd.concat(histories, ignore_index=True)


def join_predictions(folds: pd.DataFrame, *predictions: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' predictions below each other, unless some are not of the fold that held their page out."""
    return join_judged(folds, predictions)


def choose_views(
    oof_predictions: pd.DataFrame, ensembling: EnsemblingParameters, seed: int
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Chooses how many views of a page are worth their cost, and averages these."""
    choice = view_choice.choose_views(
        oof_predictions, ensembling.turns, ensembling.scales, ensembling.view_tolerance, seed, ensembling.views
    )
    return choice.record, choice.curve, members_of(oof_predictions, choice.policy)


def vote_generally(
    oof_members: pd.DataFrame, selection: dict[str, Any], ensembling: EnsemblingParameters
) -> pd.DataFrame:
    """What the general members together answer out of fold, each fold's pages weighed as the other folds chose; by it
    specialists and late members are asked and judged.
    """
    return fold_votes(oof_members, plans_by_fold(oof_members, selection, ensembling))
