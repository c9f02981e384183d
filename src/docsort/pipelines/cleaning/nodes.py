"""Nodes of cleaning. Slow imports come late, so that listing the pipelines costs nothing."""

import pandas as pd

from docsort.cleaning.drift import measure_drift
from docsort.cleaning.ledger import apply_ledger
from docsort.cleaning.oddities import find_oddities
from docsort.cleaning.parameters import CleaningParameters
from docsort.cleaning.suspects import rank_suspects
from docsort.folds import make_folds


def apply_label_fixes(images: pd.DataFrame, ledger: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Applies the ledger to the training images; the raw data stays as it is."""
    return apply_ledger(images[images["split"] == "train"], ledger, classes)


def find_duplicate_images(images: pd.DataFrame, labelled: pd.DataFrame, parameters: CleaningParameters) -> pd.DataFrame:
    """Finds pairs of images that show the same page, in training, in test and across; what is dropped has no label."""
    from docsort.cleaning.duplicates import find_duplicates

    labels = dict(zip(labelled["image_id"], labelled["label"], strict=True))
    known = images["image_id"].map(labels).astype("Int64")
    return find_duplicates(images.assign(label=known), parameters.duplicates)


def group_duplicates(images: pd.DataFrame, duplicates: pd.DataFrame, parameters: CleaningParameters) -> pd.DataFrame:
    """Gives every training image the group that it must stay together with."""
    from docsort.cleaning.duplicates import group_training_images

    return group_training_images(images, duplicates, parameters.duplicates)


def assemble_images(labelled: pd.DataFrame, grouped: pd.DataFrame) -> pd.DataFrame:
    """Puts together what training may learn from: the images that the ledger leaves, with label and group."""
    from docsort.cleaning.duplicates import assemble_clean_images

    return assemble_clean_images(labelled, grouped)


def assign_folds(clean_images: pd.DataFrame, grouped: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Deals the source images out to folds, stratified by the labels they came with, groups together."""
    return make_folds(clean_images, seed, as_given=grouped)


def describe_pages(clean_images: pd.DataFrame, parameters: CleaningParameters) -> pd.DataFrame:
    """Describes training pages in numbers for the first look; no rows where it is switched off."""
    from docsort.cleaning.features import measure_features

    return measure_features(clean_images if parameters.suspects.first_look else clean_images.head(0))


def rank_label_suspects(
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    last_oof_predictions: pd.DataFrame,
    page_features: pd.DataFrame,
    seed: int,
) -> pd.DataFrame:
    """Ranks labels that look wrong, by a first look, by duplicates and by the last training run, if there was one."""
    from docsort.cleaning.first_look import look_first

    first_look = None if page_features.empty else look_first(clean_images, page_features, seed)
    return rank_suspects(clean_images, duplicates, last_oof_predictions, first_look)


def list_label_neighbours(
    label_suspects: pd.DataFrame,
    clean_images: pd.DataFrame,
    page_features: pd.DataFrame,
    parameters: CleaningParameters,
) -> pd.DataFrame:
    """Lists the pages that look most like each suspect, for a person to compare with."""
    from docsort.cleaning.neighbours import list_neighbours

    return list_neighbours(label_suspects, clean_images, page_features, parameters.suspects.neighbours)


def find_image_problems(images: pd.DataFrame, parameters: CleaningParameters) -> pd.DataFrame:
    """Finds images that could be read but are odd, by the measures that were taken of them."""
    return find_oddities(images, parameters.oddities)


def measure_drift_of_images(images: pd.DataFrame) -> pd.DataFrame:
    """Compares test images with training images."""
    return measure_drift(images)
