"""One namespaced group of nodes a fold: train, then predict what that fold's model has never seen.

The leak check of the augmentation stands here too, so that training from what is on disk cannot go round it.
"""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines import augmentation
from docsort.pipelines.training.nodes import (
    choose_views,
    describe_renders,
    join_predictions,
    learn_fold_look,
    predict_validation,
    predict_validation_by_look,
    score_validation,
    train_fold,
)


def create_pipeline() -> Pipeline:
    folds = [part for fold in range(FOLDS) for part in (create_fold(fold), create_look(fold))]
    tables = ("oof_predictions", "look_oof_predictions")
    predictions = [f"fold_{fold}_{table}" for fold in range(FOLDS) for table in tables]
    return sum(folds, augmentation.create_pipeline().only_nodes("check_leaks")) + Pipeline(
        [
            Node(
                describe_renders,
                inputs=["training_renders", "validation_renders", "params:look", "leak_report"],
                outputs="render_looks",
                name="describe_renders",
            ),
            Node(
                join_predictions,
                inputs=["folds", *predictions],
                outputs="oof_predictions",
                name="join_predictions",
            ),
            Node(
                choose_views,
                inputs=["oof_predictions", "params:ensembling", "params:seed"],
                outputs=["view_policy", "view_curve", "oof_members"],
                name="choose_views",
            ),
            Node(
                score_validation,
                inputs=["oof_predictions", "params:seed"],
                outputs="validation_metrics",
                name="score_validation",
            ),
        ],
        tags="training",
    )


def create_fold(fold: int) -> Pipeline:
    """The nodes of one fold; `leak_report` stands in front of training: there is none where a page leaks."""
    stores = {"checkpoint_store", "prediction_store"}
    shared = {"folds", "training_renders", "validation_renders", "leak_report", "classes"} | stores
    return Pipeline(
        [
            Node(
                train_fold,
                inputs=[
                    "params:fold",
                    "folds",
                    "training_renders",
                    "validation_renders",
                    "classes",
                    "params:training",
                    "params:seed",
                    "checkpoint_store",
                    "leak_report",
                ],
                outputs=["checkpoint", "history"],
                name="train",
            ),
            Node(
                predict_validation,
                inputs=[
                    "checkpoint",
                    "folds",
                    "validation_renders",
                    "params:fold",
                    "params:ensembling",
                    "prediction_store",
                ],
                outputs="oof_predictions",
                name="predict_validation",
            ),
        ],
        namespace=f"fold_{fold}",
        inputs=shared,
        outputs={name: f"fold_{fold}_{name}" for name in ("checkpoint", "history", "oof_predictions")},
        parameters={
            "params:fold": f"params:folds.fold_{fold}",
            "params:training": "params:training",
            "params:seed": "params:seed",
            "params:ensembling": "params:ensembling",
        },
        tags="training",
    )


def create_look(fold: int) -> Pipeline:
    """The model of one fold that needs no training, and what it says of what the fold holds out."""
    shared = {"folds", "training_renders", "validation_renders", "render_looks", "leak_report", "classes"}
    return Pipeline(
        [
            Node(
                learn_fold_look,
                inputs=[
                    "params:fold",
                    "folds",
                    "training_renders",
                    "validation_renders",
                    "render_looks",
                    "classes",
                    "params:look",
                    "checkpoint_store",
                    "leak_report",
                ],
                outputs="look",
                name="learn_look",
            ),
            Node(
                predict_validation_by_look,
                inputs=["look", "folds", "validation_renders", "render_looks", "params:fold", "params:ensembling"],
                outputs="look_oof_predictions",
                name="predict_validation_by_look",
            ),
        ],
        namespace=f"fold_{fold}",
        inputs=shared | {"checkpoint_store"},
        outputs={name: f"fold_{fold}_{name}" for name in ("look", "look_oof_predictions")},
        parameters={
            "params:fold": f"params:folds.fold_{fold}",
            "params:look": "params:look",
            "params:ensembling": "params:ensembling",
        },
        tags="training",
    )
