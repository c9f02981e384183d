"""Nodes of ensembling."""

from typing import Any

import pandas as pd

from docsort.ensembling.lift import ensemble_lift
from docsort.ensembling.oddity import distances_of, measure_distances, no_distances
from docsort.ensembling.oddity import rate_oddity as rate
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review import list_needs_review as list_unsure
from docsort.ensembling.review import review_threshold
from docsort.ensembling.submission import build_submission, most_frequent_class
from docsort.ensembling.votes import cast_votes, vote_out_of_fold
from docsort.inference.embeddings import embed, embedding_table, pages_to_embed
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.specialists.verdict import accepted_groups
from docsort.tables import EMBEDDING_KEYS, PREDICTION_KEYS
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import MAIN, task_name


def predict_test(
    checkpoints: dict[str, Checkpoint], images: pd.DataFrame, fold: int, parameters: EnsemblingParameters
) -> pd.DataFrame:
    """Predicts every test image with one fold's models, once a turn."""
    pages = test_pages(images, fold)
    members = [predict(checkpoint, pages, parameters.turns, model=name) for name, checkpoint in checkpoints.items()]
    return pd.concat(members, ignore_index=True)


def predict_specialist_test(
    specialists: dict[str, Checkpoint],
    verdicts: pd.DataFrame,
    images: pd.DataFrame,
    fold: int,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Asks the specialists that earned it, one fold of each, about every test image."""
    pages = test_pages(images, fold)
    speakers = [group.name for group in accepted_groups(verdicts)]
    opinions = [predict(specialists[name], pages, parameters.turns, model=name) for name in speakers]
    return pd.concat(opinions or [pd.DataFrame(columns=list(PREDICTION_KEYS))], ignore_index=True)


def embed_pages(
    checkpoints: dict[str, Checkpoint],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    images: pd.DataFrame,
    fold: int,
    parameters: EnsemblingParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lets one fold's main model say where validation pages lie, and how far test images are from what it learnt."""
    limit, name = parameters.embedded_pages, task_name(MAIN, fold)
    if not limit:
        return pd.DataFrame(columns=list(EMBEDDING_KEYS)), no_distances()
    pages = pages_to_embed(checkpoints[MAIN], name, fold, folds, validation_renders, limit, seed)
    test = test_pages(images, fold)
    blocks = embed(checkpoints[MAIN], [*pages["path"], *test["path"]], name)
    known, asked = [block[: len(pages)] for block in blocks], [block[len(pages) :] for block in blocks]
    return embedding_table(pages, known[-1]), measure_distances(pages, known, test, asked, parameters.oddity_neighbours)


def rate_oddity(*page_distances: pd.DataFrame) -> pd.DataFrame:
    """Rates how odd each test image is, by all folds."""
    return rate(distances_of(page_distances))


def combine_predictions(
    parameters: EnsemblingParameters, verdicts: pd.DataFrame, *predictions: pd.DataFrame
) -> pd.DataFrame:
    """Makes one answer a test image; the first half of `predictions` are the folds', the second their specialists'."""
    half = len(predictions) // 2
    general = pd.concat(predictions[:half], ignore_index=True)
    special = pd.concat(predictions[half:], ignore_index=True)
    return cast_votes(general, special, verdicts, parameters)


def measure_ensemble_lift(oof_predictions: pd.DataFrame, *test_predictions: pd.DataFrame) -> dict[str, Any]:
    """Measures what averaging the folds' models is worth on the unlabelled test images."""
    return ensemble_lift(pd.concat(test_predictions, ignore_index=True), oof_predictions)


def vote_on_validation(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    verdicts: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Makes one answer a validation page, the way test images get theirs."""
    return vote_out_of_fold(oof_predictions, specialist_oof_predictions, verdicts, folds, parameters)


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
    oof_votes: pd.DataFrame,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Lists the test images that a person should look at."""
    threshold = review_threshold(oof_votes, parameters).threshold
    return list_unsure(test_probabilities, rejected_images, submission, classes, threshold)
