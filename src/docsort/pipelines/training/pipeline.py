"""One namespaced group of nodes a fold: train, then predict what that fold's model has never seen.

The leak check of the augmentation stands here too, so that training from what is on disk cannot go round it.
"""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines import augmentation
from docsort.pipelines.training.nodes import (
    choose_views,
    join_predictions,
    predict_validation,
    score_validation,
    train_fold,
)


def create_pipeline() -> Pipeline:
    folds = [create_fold(fold) for fold in range(FOLDS)]
    return sum(folds, augmentation.create_pipeline().only_nodes("check_leaks")) + Pipeline(
        [
            Node(
                join_predictions,
                inputs=["folds", *(f"fold_{fold}_oof_predictions" for fold in range(FOLDS))],
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
