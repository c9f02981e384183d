"""Nodes of ensembling."""

from typing import Any

import pandas as pd

from docsort.ensembling.abstention import judge_abstention
from docsort.ensembling.calibration import calibrate
from docsort.ensembling.comparison import compare_candidates as compare
from docsort.ensembling.lift import ensemble_lift
from docsort.ensembling.oddity import distances_of, measure_distances, no_distances
from docsort.ensembling.oddity import rate_oddity as rate
from docsort.ensembling.old_submissions import read_submissions
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review import list_needs_review as list_unsure
from docsort.ensembling.selection import select_ensemble as select
from docsort.ensembling.submission import build_submission, most_frequent_class
from docsort.ensembling.votes import cast_votes, vote_out_of_fold
from docsort.inference.embeddings import embed, embedding_table, pages_to_embed
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.looking.describing import LOOKS, describe_pages
from docsort.looking.opinions import predict_by_look
from docsort.looking.parameters import LookParameters
from docsort.specialists.groups import join_specialists
from docsort.specialists.verdict import accepted_groups
from docsort.stores import Store
from docsort.tables import EMBEDDING_KEYS
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import MAIN, task_name
from docsort.views import ViewPolicy, members_of


def describe_test_images(test_renders: pd.DataFrame, parameters: LookParameters) -> pd.DataFrame:
    """Describes every test image by numbers, for the looks of all folds."""
    if not parameters.enabled:
        return pd.DataFrame(columns=list(LOOKS))
    return describe_pages(test_pages(test_renders, 0), parameters)


def predict_test(
    checkpoints: dict[str, Checkpoint],
    looks: dict[str, Checkpoint],
    test_renders: pd.DataFrame,
    test_looks: pd.DataFrame,
    fold: int,
    view_policy: dict[str, Any],
    prediction_store: Store,
) -> pd.DataFrame:
    """Asks one fold's models about every test image, in as many views as are worth it."""
    pages, policy = test_pages(test_renders, fold), ViewPolicy.model_validate(view_policy["policy"])
    members = [predict(checkpoint, pages, policy, name, prediction_store) for name, checkpoint in checkpoints.items()]
    members += [predict_by_look(look, pages, test_looks, policy, name) for name, look in looks.items()]
    return pd.concat(members, ignore_index=True)


def predict_specialist_test(
    specialists: dict[str, Checkpoint],
    verdicts: pd.DataFrame,
    test_renders: pd.DataFrame,
    fold: int,
    view_policy: dict[str, Any],
    prediction_store: Store,
) -> pd.DataFrame:
    """Asks the specialists that earned it, one fold of each, about every test image."""
    pages, policy = test_pages(test_renders, fold), ViewPolicy.model_validate(view_policy["policy"])
    speakers = [group.name for group in accepted_groups(verdicts)]
    opinions = [predict(specialists[name], pages, policy, name, prediction_store) for name in speakers]
    return join_specialists(opinions)


def average_test_views(view_policy: dict[str, Any], *predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Averages what was said of each test image's views: by general models, of whom the first half of `predictions` is,
    and by specialists.
    """
    half, policy = len(predictions) // 2, ViewPolicy.model_validate(view_policy["policy"])
    general = pd.concat(predictions[:half], ignore_index=True)
    return members_of(general, policy), members_of(join_specialists(predictions[half:]), policy)


def select_ensemble(oof_members: pd.DataFrame, parameters: EnsemblingParameters, seed: int) -> dict[str, Any]:
    """Chooses how much each model counts, out of fold, and says whether that has earned its place."""
    return select(oof_members, parameters, seed)


def read_old_submissions(photos: pd.DataFrame, classes: pd.DataFrame, parameters: EnsemblingParameters) -> pd.DataFrame:
    """Reads the answer sheets of earlier work that join the vote."""
    return read_submissions(parameters.submissions, photos, classes)


def embed_pages(
    checkpoints: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    test_renders: pd.DataFrame,
    fold: int,
    parameters: EnsemblingParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lets one fold's main model say where validation pages lie, and how far test images are from what it learnt."""
    limit, name = parameters.embedded_pages, task_name(MAIN, fold)
    if not limit:
        return pd.DataFrame(columns=list(EMBEDDING_KEYS)), no_distances()
    pages = pages_to_embed(checkpoints[MAIN], name, fold, folds, validation_renders, limit, seed)
    test = test_pages(test_renders, fold)
    blocks = embed(checkpoints[MAIN], [*pages["path"], *test["path"]], name)
    known, asked = [block[: len(pages)] for block in blocks], [block[len(pages) :] for block in blocks]
    return embedding_table(pages, known[-1]), measure_distances(pages, known, test, asked, parameters.oddity_neighbours)


def rate_oddity(*page_distances: pd.DataFrame) -> pd.DataFrame:
    """Rates how odd each test image is, by all folds."""
    return rate(distances_of(page_distances))


def combine_predictions(
    test_members: pd.DataFrame,
    specialist_test_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    selection: dict[str, Any],
    old_submissions: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Makes one answer a test image."""
    return cast_votes(test_members, specialist_test_members, verdicts, parameters, selection, old_submissions)


def vote_fold_by_fold(
    test_members: pd.DataFrame,
    specialist_test_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    selection: dict[str, Any],
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Makes the answers that the models of each fold would give by themselves."""
    votes = [cast_votes(test_members.iloc[:0], specialist_test_members, verdicts, parameters).assign(fold=0)]
    for fold, own in test_members.groupby("fold"):
        special = specialist_test_members[specialist_test_members["fold"] == fold]
        votes.append(cast_votes(own, special, verdicts, parameters, selection).assign(fold=fold))
    return pd.concat(votes[1:] or votes, ignore_index=True)


def measure_ensemble_lift(
    test_members: pd.DataFrame, oof_members: pd.DataFrame, parameters: EnsemblingParameters, selection: dict[str, Any]
) -> dict[str, Any]:
    """Measures what averaging the folds' models is worth on the unlabelled test images."""
    return ensemble_lift(test_members, oof_members, parameters, selection)


def vote_on_validation(
    oof_members: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EnsemblingParameters,
    selection: dict[str, Any],
) -> pd.DataFrame:
    """Makes one answer a validation page, the way test images get theirs."""
    return vote_out_of_fold(oof_members, specialist_oof_members, verdicts, folds, parameters, selection)


def calibrate_votes(
    oof_votes: pd.DataFrame,
    test_votes: pd.DataFrame,
    fold_votes: pd.DataFrame,
    parameters: EnsemblingParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Makes confidences keep their word: of validation pages, of test images, and how well it did."""
    calibrated = calibrate(oof_votes, test_votes, fold_votes, parameters, seed)
    return calibrated.oof_votes, calibrated.test_votes, calibrated.record


def choose_when_to_answer(
    oof_votes: pd.DataFrame, test_probabilities: pd.DataFrame, parameters: EnsemblingParameters
) -> dict[str, Any]:
    """Chooses the confidence below which a person should look."""
    return judge_abstention(oof_votes, test_probabilities, parameters)


def compare_candidates(
    oof_members: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    verdicts: pd.DataFrame,
    oof_votes: pd.DataFrame,
    selection: dict[str, Any],
    parameters: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """Compares other ways to answer with the one that is used, out of fold."""
    return compare(oof_members, specialist_oof_members, verdicts, oof_votes, selection, parameters, seed)


def write_submission(
    photos: pd.DataFrame, rejected_images: pd.DataFrame, test_probabilities: pd.DataFrame, clean_images: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Writes the answer sheet twice: where it is looked for, and among the versions of all runs."""
    fallback = most_frequent_class(clean_images["label"])
    submission = build_submission(photos, rejected_images, test_probabilities, fallback)
    return submission, submission


def list_needs_review(
    test_probabilities: pd.DataFrame,
    rejected_images: pd.DataFrame,
    submission: pd.DataFrame,
    classes: pd.DataFrame,
    abstention: dict[str, Any],
    parameters: EnsemblingParameters,
    page_oddity: pd.DataFrame,
) -> pd.DataFrame:
    """Lists the test images that a person should look at."""
    threshold, odd_above = abstention["threshold"], parameters.review_oddity
    return list_unsure(test_probabilities, rejected_images, submission, classes, threshold, page_oddity, odd_above)
