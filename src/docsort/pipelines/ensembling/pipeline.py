"""From checkpoints to one believable answer a test image: views, folds, the specialists that earned it, a vote."""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines.ensembling.nodes import (
    combine_predictions,
    compare_candidates,
    list_needs_review,
    measure_ensemble_lift,
    predict_specialist_test,
    predict_test,
    read_old_submissions,
    select_ensemble,
    vote_on_validation,
    write_submission,
)


def create_pipeline() -> Pipeline:
    predictions = [f"fold_{fold}_test_predictions" for fold in range(FOLDS)]
    opinions = [f"fold_{fold}_specialist_test_predictions" for fold in range(FOLDS)]
    return (
        create_votes()
        + sum((create_fold(fold) for fold in range(FOLDS)), Pipeline([]))
        + Pipeline(
            [
                Node(
                    read_old_submissions,
                    inputs=["photos", "classes", "params:ensembling"],
                    outputs="old_submissions",
                    name="read_old_submissions",
                ),
                Node(
                    combine_predictions,
                    inputs=[
                        "params:ensembling",
                        "specialist_verdicts",
                        "ensemble_selection",
                        "old_submissions",
                        *predictions,
                        *opinions,
                    ],
                    outputs="test_probabilities",
                    name="combine_predictions",
                ),
                Node(
                    measure_ensemble_lift,
                    inputs=["oof_predictions", "params:ensembling", "ensemble_selection", *predictions],
                    outputs="ensemble_lift",
                    name="measure_ensemble_lift",
                ),
                Node(
                    write_submission,
                    inputs=["photos", "rejected_images", "test_probabilities", "clean_images"],
                    outputs=["submission", "submissions"],
                    name="write_submission",
                ),
                Node(
                    list_needs_review,
                    inputs=[
                        "test_probabilities",
                        "rejected_images",
                        "submission",
                        "classes",
                        "oof_votes",
                        "params:ensembling",
                    ],
                    outputs="needs_review",
                    name="list_needs_review",
                ),
            ],
            tags="ensembling",
        )
    )


def create_votes() -> Pipeline:
    """How members add up, chosen and judged out of fold."""
    return Pipeline(
        [
            Node(
                select_ensemble,
                inputs=["oof_predictions", "params:ensembling", "params:seed"],
                outputs="ensemble_selection",
                name="select_ensemble",
            ),
            Node(
                vote_on_validation,
                inputs=[
                    "oof_predictions",
                    "specialist_oof_predictions",
                    "specialist_verdicts",
                    "folds",
                    "params:ensembling",
                    "ensemble_selection",
                ],
                outputs="oof_votes",
                name="vote_on_validation",
            ),
            Node(
                compare_candidates,
                inputs=[
                    "oof_predictions",
                    "specialist_oof_predictions",
                    "specialist_verdicts",
                    "oof_votes",
                    "ensemble_selection",
                    "params:ensembling",
                    "params:seed",
                ],
                outputs="candidates",
                name="compare_candidates",
            ),
        ],
        tags="ensembling",
    )


def create_fold(fold: int) -> Pipeline:
    """What the models of one fold say of every test image, on each dihedral view."""
    return Pipeline(
        [
            Node(
                predict_test,
                inputs=["checkpoint", "images", "params:fold", "params:ensembling"],
                outputs="test_predictions",
                name="predict_test",
            ),
            Node(
                predict_specialist_test,
                inputs=["specialists", "specialist_verdicts", "images", "params:fold", "params:ensembling"],
                outputs="specialist_test_predictions",
                name="predict_specialist_test",
            ),
        ],
        namespace=f"fold_{fold}_test",
        inputs={
            "checkpoint": f"fold_{fold}_checkpoint",
            "specialists": f"fold_{fold}_specialists",
            "specialist_verdicts": "specialist_verdicts",
            "images": "images",
        },
        outputs={name: f"fold_{fold}_{name}" for name in ("test_predictions", "specialist_test_predictions")},
        parameters={"params:fold": f"params:folds.fold_{fold}", "params:ensembling": "params:ensembling"},
        tags="ensembling",
    )
