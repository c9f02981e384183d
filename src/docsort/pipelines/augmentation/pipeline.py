"""From clean images to the damage of the test images, renders for training, validation and test, and a leak check."""

from kedro.pipeline import Pipeline

from docsort.augmentation.damage_fit import fit_damage
from docsort.pipelines.augmentation import nodes
from docsort.pipelines.wiring import stage, step


def create_pipeline() -> Pipeline:
    steps = [
        step(
            fit_damage,
            "clean_images images params:augmentation params:seed fit_store",
            "fitted_damage damage_fit",
        ),
        step(
            nodes.render_training_images,
            "clean_images folds classes fitted_damage params:augmentation params:members params:specialists "
            "params:seed render_store",
            "training_renders",
        ),
        step(
            nodes.render_validation_images,
            "clean_images folds fitted_damage params:augmentation params:members params:specialists params:seed "
            "render_store",
            "validation_renders",
        ),
        step(
            nodes.render_holdout_images,
            "holdout fitted_damage params:augmentation params:members params:seed render_store",
            "holdout_pages",
        ),
        step(
            nodes.measure_appearance,
            "clean_images images fitted_damage params:augmentation params:seed fit_store",
            "appearance",
        ),
        step(nodes.check_leaks, "clean_images folds training_renders validation_renders", "leak_report"),
        step(
            nodes.draw_operations_sheet,
            "clean_images fitted_damage params:augmentation params:seed fit_store",
            "operations_sheet",
        ),
    ]
    return stage("augmentation", steps)
