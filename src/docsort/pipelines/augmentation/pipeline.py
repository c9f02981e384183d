"""From clean images to oversampled training renders and the two validation views, and the check that nothing leaks."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.augmentation.nodes import (
    check_leaks,
    draw_operations_sheet,
    render_training_images,
    render_validation_images,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                render_training_images,
                inputs=["clean_images", "folds", "classes", "params:augmentation", "params:seed", "render_store"],
                outputs="training_renders",
                name="render_training_images",
            ),
            Node(
                render_validation_images,
                inputs=["clean_images", "folds", "params:augmentation", "params:seed", "render_store"],
                outputs="validation_renders",
                name="render_validation_images",
            ),
            Node(
                check_leaks,
                inputs=["clean_images", "folds", "training_renders", "validation_renders"],
                outputs="leak_report",
                name="check_leaks",
            ),
            Node(
                draw_operations_sheet,
                inputs=["clean_images", "params:augmentation", "params:seed"],
                outputs="operations_sheet",
                name="draw_operations_sheet",
            ),
        ],
        tags="augmentation",
    )
