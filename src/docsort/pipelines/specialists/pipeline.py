"""Specialists for confusable classes: trained fold by fold on their classes alone, judged on pages they never saw.

The leak check of the augmentation stands here too, so that training from what is on disk cannot go round it.
"""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines import augmentation
from docsort.pipelines.specialists.nodes import (
    check_groups,
    find_groups,
    join_specialist_predictions,
    judge_specialists,
    predict_specialist_validation,
    train_specialists,
)


def create_pipeline() -> Pipeline:
    folds = [create_fold(fold) for fold in range(FOLDS)]
    return sum(folds, augmentation.create_pipeline().only_nodes("check_leaks")) + Pipeline(
        [
            Node(
                check_groups,
                inputs=["classes", "params:specialists", "params:training"],
                outputs="given_groups",
                name="check_groups",
            ),
            Node(
                find_groups,
                inputs=["given_groups", "oof_members", "params:specialists"],
                outputs="specialist_groups",
                name="find_groups",
            ),
            Node(
                join_specialist_predictions,
                inputs=["folds", "view_policy", *(f"fold_{fold}_specialist_oof_predictions" for fold in range(FOLDS))],
                outputs=["specialist_oof_predictions", "specialist_oof_members"],
                name="join_specialist_predictions",
            ),
            Node(
                judge_specialists,
                inputs=[
                    "oof_members",
                    "specialist_oof_members",
                    "specialist_groups",
                    "params:specialists",
                    "params:seed",
                ],
                outputs="specialist_verdicts",
                name="judge_specialists",
            ),
        ],
        tags="specialists",
    )


def create_fold(fold: int) -> Pipeline:
    """The nodes of one fold; they train on no page that this fold holds out."""
    shared = {"folds", "training_renders", "validation_renders", "leak_report", "specialist_groups"}
    shared |= {"checkpoint_store", "prediction_store"}
    kept = ("specialists", "specialist_histories", "specialist_oof_predictions")
    return Pipeline(
        [
            Node(
                train_specialists,
                inputs=[
                    "params:fold",
                    "folds",
                    "training_renders",
                    "validation_renders",
                    "specialist_groups",
                    "checkpoint",
                    "params:specialists",
                    "params:training",
                    "params:seed",
                    "checkpoint_store",
                    "leak_report",
                ],
                outputs=["specialists", "specialist_histories"],
                name="train_specialists",
            ),
            Node(
                predict_specialist_validation,
                inputs=[
                    "specialists",
                    "folds",
                    "validation_renders",
                    "params:fold",
                    "params:ensembling",
                    "prediction_store",
                ],
                outputs="specialist_oof_predictions",
                name="predict_specialist_validation",
            ),
        ],
        namespace=f"fold_{fold}_specialists",
        inputs={**{name: name for name in shared}, "checkpoint": f"fold_{fold}_checkpoint"},
        outputs={name: f"fold_{fold}_{name}" for name in kept},
        parameters={
            "params:fold": f"params:folds.fold_{fold}",
            "params:specialists": "params:specialists",
            "params:training": "params:training",
            "params:seed": "params:seed",
            "params:ensembling": "params:ensembling",
        },
        tags="specialists",
    )
