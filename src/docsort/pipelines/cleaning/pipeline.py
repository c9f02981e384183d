"""From images as they came to labels one can learn from, groups that must stay together, and folds."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.cleaning.nodes import (
    apply_label_fixes,
    assemble_images,
    assign_folds,
    describe_pages,
    find_duplicate_images,
    find_image_problems,
    group_duplicates,
    list_label_neighbours,
    measure_drift_of_images,
    rank_label_suspects,
)


def create_pipeline() -> Pipeline:
    return create_sources() + create_findings()


def create_sources() -> Pipeline:
    """What training learns from: labels, groups, folds."""
    return Pipeline(
        [
            Node(
                apply_label_fixes,
                inputs=["images", "label_fixes", "classes"],
                outputs="labelled_images",
                name="apply_label_fixes",
            ),
            Node(
                find_duplicate_images,
                inputs=["images", "labelled_images", "params:cleaning"],
                outputs="duplicates",
                name="find_duplicate_images",
            ),
            Node(
                group_duplicates,
                inputs=["images", "duplicates", "params:cleaning"],
                outputs="grouped_images",
                name="group_duplicates",
            ),
            Node(
                assemble_images,
                inputs=["labelled_images", "grouped_images"],
                outputs="clean_images",
                name="assemble_images",
            ),
            Node(
                assign_folds,
                inputs=["clean_images", "grouped_images", "params:seed"],
                outputs="folds",
                name="assign_folds",
            ),
        ],
        tags="cleaning",
    )


def create_findings() -> Pipeline:
    """What a person should look at: suspected labels, odd images, drift."""
    return Pipeline(
        [
            Node(
                describe_pages,
                inputs=["clean_images", "params:cleaning"],
                outputs="page_features",
                name="describe_pages",
            ),
            Node(
                rank_label_suspects,
                inputs=["clean_images", "duplicates", "last_oof_predictions", "page_features", "params:seed"],
                outputs="label_suspects",
                name="rank_label_suspects",
            ),
            Node(
                list_label_neighbours,
                inputs=["label_suspects", "clean_images", "page_features", "params:cleaning"],
                outputs="label_neighbours",
                name="list_label_neighbours",
            ),
            Node(
                find_image_problems,
                inputs=["images", "params:cleaning"],
                outputs="image_problems",
                name="find_image_problems",
            ),
            Node(measure_drift_of_images, inputs="images", outputs="drift", name="measure_drift_of_images"),
        ],
        tags="cleaning",
    )
