"""From images as they came to labels one can learn from, groups that must stay together, and folds."""

from kedro.pipeline import Node, Pipeline

from docsort.cleaning.drift import measure_drift
from docsort.cleaning.duplicates import group_training_images
from docsort.cleaning.image_quality import list_image_problems
from docsort.pipelines.cleaning import nodes
from docsort.pipelines.wiring import stage, step


def create_pipeline() -> Pipeline:
    return stage("cleaning", [*create_sources(), *create_findings()])


def create_sources() -> list[Node]:
    """What training learns from: labels, groups, folds."""
    return [
        step(nodes.apply_label_fixes, "images label_fixes classes", "labelled_images"),
        step(nodes.find_duplicate_images, "images labelled_images params:cleaning page_store", "duplicates"),
        step(group_training_images, "images duplicates", "grouped_images"),
        step(
            nodes.assemble_images,
            "labelled_images grouped_images params:cross_validation params:seed",
            "clean_images holdout",
        ),
        step(nodes.assign_folds, "clean_images grouped_images classes params:cross_validation params:seed", "folds"),
    ]


def create_findings() -> list[Node]:
    """What a person should look at: suspected labels, image quality, drift."""
    return [
        step(nodes.describe_pages, "clean_images params:cleaning page_store", "page_features"),
        step(
            nodes.rank_label_suspects,
            "clean_images duplicates last_oof_predictions page_features params:seed",
            "label_suspects",
        ),
        step(
            nodes.list_label_neighbours,
            "label_suspects clean_images page_features params:cleaning",
            "label_neighbours",
        ),
        step(list_image_problems, "images", "image_problems"),
        step(measure_drift, "images", "drift"),
    ]
