"""Nodes of augmentation."""

from typing import Any

import pandas as pd
from PIL import Image

from docsort.augmentation.fitting import damaged_so, fit_damage
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.rendering import render_test, render_training, render_validation
from docsort.folds import check_no_leak
from docsort.stores import Store


def fit_damage_to_test_images(
    clean_images: pd.DataFrame, images: pd.DataFrame, parameters: AugmentationParameters, seed: int, fit_store: Store
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Finds the damage that makes training pages look like the unlabelled test images."""
    return fit_damage(clean_images, images, parameters, seed, fit_store)


def render_training_images(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    classes: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    seed: int,
    render_store: Store,
) -> pd.DataFrame:
    """Renders the oversampled, augmented copies of every source."""
    return render_training(clean_images, folds, classes, damaged_so(parameters, fitted_damage), seed, render_store)


def render_validation_images(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    fitted_damage: dict[str, Any],
    parameters: AugmentationParameters,
    seed: int,
    render_store: Store,
) -> pd.DataFrame:
    """Renders the clean and the test-like view of every source."""
    return render_validation(clean_images, folds, damaged_so(parameters, fitted_damage), seed, render_store)


def render_test_images(images: pd.DataFrame, parameters: AugmentationParameters, render_store: Store) -> pd.DataFrame:
    """Lays every test image into the square that models see."""
    return render_test(images, parameters, render_store)


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
    clean_images: pd.DataFrame, fitted_damage: dict[str, Any], parameters: AugmentationParameters, seed: int
) -> Image.Image:
    """Draws what each operation of the recipe does to one page."""
    from docsort.augmentation.sheets import operations_sheet
    from docsort.images.reading import read_rgb

    page = read_rgb(clean_images["path"].iloc[0])
    return operations_sheet(page, damaged_so(parameters, fitted_damage), seed=seed)
