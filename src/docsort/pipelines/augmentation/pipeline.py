"""From clean images to the damage of the test images, training renders, the two validation views, and a leak check."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.augmentation.nodes import (
    check_leaks,
    draw_operations_sheet,
    fit_damage_to_test_images,
    render_test_images,
    render_training_images,
    render_validation_images,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                fit_damage_to_test_images,
                inputs=["clean_images", "images", "params:augmentation", "params:seed", "fit_store"],
                outputs=["fitted_damage", "damage_fit"],
                name="fit_damage_to_test_images",
            ),
            Node(
                render_training_images,
                inputs=[
                    "clean_images",
                    "folds",
                    "classes",
                    "fitted_damage",
                    "params:augmentation",
                    "params:seed",
                    "render_store",
                ],
                outputs="training_renders",
                name="render_training_images",
            ),
            Node(
                render_validation_images,
                inputs=["clean_images", "folds", "fitted_damage", "params:augmentation", "params:seed", "render_store"],
                outputs="validation_renders",
                name="render_validation_images",
            ),
            Node(
                render_test_images,
                inputs=["images", "params:augmentation", "render_store"],
                outputs="test_renders",
                name="render_test_images",
            ),
            Node(
                check_leaks,
                inputs=["clean_images", "folds", "training_renders", "validation_renders"],
                outputs="leak_report",
                name="check_leaks",
            ),
            Node(
                draw_operations_sheet,
                inputs=["clean_images", "fitted_damage", "params:augmentation", "params:seed"],
                outputs="operations_sheet",
                name="draw_operations_sheet",
            ),
        ],
        tags="augmentation",
    )
