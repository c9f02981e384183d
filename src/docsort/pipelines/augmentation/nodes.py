"""Nodes of augmentation."""

from typing import Any

import pandas as pd
from PIL import Image

from docsort.augmentation.appearance_sets import measure_sets
from docsort.augmentation.damage_fit import damaged_so
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.rendering import render_holdout, render_training, render_validation
from docsort.augmentation.shards import Page
from docsort.folds import check_no_leak
from docsort.member_kinds import Members
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.recipes import page_formats_of
from docsort.stores import Store
from docsort.tables import is_reviewed


def render_training_images(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    classes: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    members: Members,
    specialists: SpecialistParameters,
    seed: int,
    render_store: Store,
) -> pd.DataFrame:
    """Renders the oversampled, augmented copies of every source, in every format that some member wants, unless members
    name classes that there are not.
    """
    members.named(classes)
    fitted, formats = damaged_so(parameters, fitted_damage), page_formats_of(specialists, members)
    return render_training(clean_images, folds, classes, fitted, formats, seed, render_store)


def render_validation_images(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    members: Members,
    specialists: SpecialistParameters,
    seed: int,
    render_store: Store,
) -> pd.DataFrame:
    """Renders the clean and the test-like condition of every source that may judge, in every format that some member
    wants; a page that a person chose to judge is learnt from alone."""
    clean_images = clean_images[~is_reviewed(clean_images)]
    folds = folds[folds["image_id"].isin(clean_images["image_id"])]
    fitted, formats = damaged_so(parameters, fitted_damage), page_formats_of(specialists, members)
    return render_validation(clean_images, folds, fitted, formats, seed, render_store)


def measure_appearance(
    clean_images: pd.DataFrame,
    images: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    seed: int,
    fit_store: Store,
) -> pd.DataFrame:
    """Measures how training pages, test-like pages and test images look, for later pages to be compared with."""
    return measure_sets(clean_images, images, damaged_so(parameters, fitted_damage), seed, fit_store)


def render_holdout_images(
    holdout: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    members: Members,
    seed: int,
    render_store: Store,
) -> pd.DataFrame:
    """Damages the pages that were set aside as the test images are; no rows where none were."""
    return render_holdout(holdout, damaged_so(parameters, fitted_damage), members.page_formats, seed, render_store)


def check_leaks(
    clean_images: pd.DataFrame, folds: pd.DataFrame, training: pd.DataFrame, validation: pd.DataFrame
) -> dict[str, Any]:
    """Raises LeakError if pages of one group stand on both sides of a fold; training waits for this report."""
    check_no_leak(folds, training, validation)
    return {
        "sources": len(clean_images),
        "groups": int(folds["group"].nunique()),
        "training_renders": len(training),
        "validation_renders": len(validation),
        "leaks": 0,
    }


def draw_operations_sheet(
    clean_images: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    seed: int,
    fit_store: Store,
) -> Image.Image:
    """Draws what each operation of the recipe does to one page."""
    from docsort.augmentation.sheets import kept_operations_sheet

    page = Page(str(clean_images["path"].iloc[0]), str(clean_images["sha256"].iloc[0]))
    return kept_operations_sheet(page, damaged_so(parameters, fitted_damage), seed, fit_store)
