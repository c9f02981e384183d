"""Nodes of ensembling."""

from typing import Any

import pandas as pd

from docsort.ensembling.abstention import judge_abstention
from docsort.ensembling.calibration import calibrate
from docsort.ensembling.lift import ensemble_lift
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review import list_needs_review as list_unsure
from docsort.ensembling.submission import build_submission, most_frequent_class
from docsort.ensembling.votes import cast_votes, vote_out_of_fold
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.specialists.verdict import accepted_groups
from docsort.tables import PREDICTION_KEYS
from docsort.training.checkpoints import Checkpoint


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


def combine_predictions(
    parameters: EnsemblingParameters, verdicts: pd.DataFrame, *predictions: pd.DataFrame
) -> pd.DataFrame:
    """Makes one answer a test image; the first half of `predictions` are the folds', the second their specialists'."""
    half = len(predictions) // 2
    general = pd.concat(predictions[:half], ignore_index=True)
    special = pd.concat(predictions[half:], ignore_index=True)
    return cast_votes(general, special, verdicts, parameters)


def vote_fold_by_fold(
    parameters: EnsemblingParameters, verdicts: pd.DataFrame, *predictions: pd.DataFrame
) -> pd.DataFrame:
    """Makes the answers that the models of each fold would give by themselves; `predictions` as above."""
    half = len(predictions) // 2
    pairs = zip(predictions[:half], predictions[half:], strict=True)
    votes = [cast_votes(general, special, verdicts, parameters) for general, special in pairs]
    return pd.concat([own.assign(fold=fold) for fold, own in enumerate(votes)], ignore_index=True)


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
    abstention: dict[str, Any],
    parameters: EnsemblingParameters,
    page_oddity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lists the test images that a person should look at."""
    threshold, odd_above = abstention["threshold"], parameters.review_oddity
    return list_unsure(test_probabilities, rejected_images, submission, classes, threshold, page_oddity, odd_above)
