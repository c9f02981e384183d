"""Nodes of cleaning. Slow imports come late, so that listing the pipelines costs nothing."""

import pandas as pd

from docsort.cleaning.ledger import apply_ledger
from docsort.cleaning.parameters import CleaningParameters
from docsort.cleaning.suspects import rank_suspects
from docsort.folds import CrossValidationParameters, make_folds, set_aside
from docsort.ingestion.problems import check_class_sizes
from docsort.stores import Store
from docsort.tables import is_reviewed


def apply_label_fixes(images: pd.DataFrame, ledger: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Applies the ledger to the training images; the raw data stays as it is.

    A class that is left with one photo or none, since its photos cannot be read or by the ledger, is an error: it would
    be lost in silence.
    """
    train = images[images["split"] == "train"]
    check_class_sizes(classes, train["target"], "that can be read (see rejected_images.csv)")
    labelled = apply_ledger(train, ledger, classes)
    check_class_sizes(classes, labelled["label"], "once label_fixes is applied")
    return labelled


def find_duplicate_images(
    images: pd.DataFrame, labelled: pd.DataFrame, parameters: CleaningParameters, page_store: Store
) -> pd.DataFrame:
    """Finds pairs of images that show the same page, in training, in test and across; what is dropped has no label."""
    from docsort.cleaning.duplicates import find_duplicates

    labels = dict(zip(labelled["image_id"], labelled["label"], strict=True))
    known = images["image_id"].map(labels).astype("Int64")
    return find_duplicates(images.assign(label=known), parameters.duplicates, page_store)


def assemble_images(
    labelled: pd.DataFrame, grouped: pd.DataFrame, parameters: CrossValidationParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Puts together what training may learn from, the images that the ledger leaves, with label and group; and what is
    set aside from everything, if anything is, which judges and so has no page that a person chose.
    """
    from docsort.cleaning.duplicates import assemble_clean_images

    images, raw = assemble_clean_images(labelled, grouped), grouped[~is_reviewed(grouped)]
    aside = images["group"].isin(raw.loc[set_aside(raw, parameters.holdout, seed), "group"])
    return images[~aside].reset_index(drop=True), images[aside & ~is_reviewed(images)].reset_index(drop=True)


def assign_folds(
    clean_images: pd.DataFrame,
    grouped: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: CrossValidationParameters,
    seed: int,
) -> pd.DataFrame:
    """Deals the source images out to folds, stratified by the labels they came with, groups together. Pages that a
    person judged move no other."""
    raw = grouped[~is_reviewed(grouped)]
    as_given = raw[~set_aside(raw, parameters.holdout, seed)]
    return make_folds(clean_images, seed, parameters.folds, as_given=as_given, classes=classes)


def describe_pages(clean_images: pd.DataFrame, parameters: CleaningParameters, page_store: Store) -> pd.DataFrame:
    """Describes training pages in numbers for the baseline; no rows where it is switched off."""
    from docsort.cleaning.page_features import measure_features

    return measure_features(clean_images if parameters.suspects.baseline else clean_images.head(0), page_store)


def rank_label_suspects(
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    last_oof_predictions: pd.DataFrame,
    page_features: pd.DataFrame,
    seed: int,
) -> pd.DataFrame:
    """Ranks labels that look wrong, by the baseline, by duplicates and by the last training run, if there was one."""
    from docsort.cleaning.baseline import predict_baseline

    baseline = None if page_features.empty else predict_baseline(clean_images, page_features, seed)
    return rank_suspects(clean_images, duplicates, last_oof_predictions, baseline)


def list_label_neighbours(
    label_suspects: pd.DataFrame,
    clean_images: pd.DataFrame,
    page_features: pd.DataFrame,
    parameters: CleaningParameters,
) -> pd.DataFrame:
    """Lists the pages that look most like each suspect, for a person to compare with."""
    from docsort.cleaning.neighbours import list_neighbours

    return list_neighbours(label_suspects, clean_images, page_features, parameters.suspects.neighbours)
