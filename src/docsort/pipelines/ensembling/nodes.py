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
from docsort.specialists.verdict import accepted_groups
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS
from docsort.training.checkpoints import Checkpoint
from docsort.views import ViewPolicy


def predict_test(
    checkpoints: dict[str, Checkpoint],
    test_renders: pd.DataFrame,
    fold: int,
    view_policy: dict[str, Any],
    prediction_store: Store,
) -> pd.DataFrame:
    """Asks one fold's models about every test image, in as many views as are worth it."""
    pages, policy = test_pages(test_renders, fold), ViewPolicy.model_validate(view_policy["policy"])
    members = [predict(checkpoint, pages, policy, name, prediction_store) for name, checkpoint in checkpoints.items()]
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
    return pd.concat(opinions or [pd.DataFrame(columns=list(PREDICTION_KEYS))], ignore_index=True)


def combine_predictions(
    parameters: EnsemblingParameters,
    view_policy: dict[str, Any],
    verdicts: pd.DataFrame,
    *predictions: pd.DataFrame,
) -> pd.DataFrame:
    """Makes one answer a test image; the first half of `predictions` are the folds', the second their specialists'."""
    half = len(predictions) // 2
    general = pd.concat(predictions[:half], ignore_index=True)
    special = pd.concat(predictions[half:], ignore_index=True)
    return cast_votes(general, special, verdicts, parameters, ViewPolicy.model_validate(view_policy["policy"]))


def measure_ensemble_lift(
    oof_predictions: pd.DataFrame, view_policy: dict[str, Any], *test_predictions: pd.DataFrame
) -> dict[str, Any]:
    """Measures what averaging the folds' models is worth on the unlabelled test images."""
    policy = ViewPolicy.model_validate(view_policy["policy"])
    return ensemble_lift(pd.concat(test_predictions, ignore_index=True), oof_predictions, policy)


def vote_on_validation(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    verdicts: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EnsemblingParameters,
    view_policy: dict[str, Any],
) -> pd.DataFrame:
    """Makes one answer a validation page, the way test images get theirs."""
    policy = ViewPolicy.model_validate(view_policy["policy"])
    return vote_out_of_fold(oof_predictions, specialist_oof_predictions, verdicts, folds, parameters, policy)


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
