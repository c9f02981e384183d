"""Nodes of ensembling."""

from typing import Any

import pandas as pd

from docsort.ensembling.lift import ensemble_lift
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review import list_needs_review as list_unsure
from docsort.ensembling.review import review_threshold
from docsort.ensembling.submission import build_submission, most_frequent_class
from docsort.ensembling.votes import cast_votes, vote_out_of_fold
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.looking.describing import LOOKS, describe_pages
from docsort.looking.opinions import predict_by_look
from docsort.looking.parameters import LookParameters
from docsort.specialists.verdict import accepted_groups
from docsort.tables import PREDICTION_KEYS
from docsort.training.checkpoints import Checkpoint


def describe_test_photos(images: pd.DataFrame, parameters: LookParameters) -> pd.DataFrame:
    """Describes every test image by numbers, for the looks of all folds."""
    if not parameters.enabled:
        return pd.DataFrame(columns=list(LOOKS))
    return describe_pages(test_pages(images, 0), parameters, photos=True)


def predict_test(
    checkpoints: dict[str, Checkpoint],
    looks: dict[str, Checkpoint],
    images: pd.DataFrame,
    test_looks: pd.DataFrame,
    fold: int,
    parameters: EnsemblingParameters,
) -> pd.DataFrame:
    """Predicts every test image with one fold's models, once a turn."""
    pages, turns = test_pages(images, fold), parameters.turns
    members = [predict(checkpoint, pages, turns, model=name) for name, checkpoint in checkpoints.items()]
    members += [predict_by_look(look, pages, test_looks, turns, name) for name, look in looks.items()]
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
