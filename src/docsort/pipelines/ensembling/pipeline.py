"""From checkpoints to one believable answer a test image: views, folds, the specialists that earned it, a vote."""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines.ensembling.nodes import (
    combine_predictions,
    describe_test_photos,
    list_needs_review,
    measure_ensemble_lift,
    predict_specialist_test,
    predict_test,
    vote_on_validation,
    write_submission,
)


def create_pipeline() -> Pipeline:
    predictions = [f"fold_{fold}_test_predictions" for fold in range(FOLDS)]
    opinions = [f"fold_{fold}_specialist_test_predictions" for fold in range(FOLDS)]
    return sum((create_fold(fold) for fold in range(FOLDS)), Pipeline([])) + Pipeline(
        [
            Node(
                describe_test_photos,
                inputs=["images", "params:look"],
                outputs="test_looks",
                name="describe_test_photos",
            ),
            Node(
                combine_predictions,
                inputs=["params:ensembling", "specialist_verdicts", *predictions, *opinions],
                outputs="test_probabilities",
                name="combine_predictions",
            ),
            Node(
                measure_ensemble_lift,
                inputs=["oof_predictions", *predictions],
                outputs="ensemble_lift",
                name="measure_ensemble_lift",
            ),
            Node(
                vote_on_validation,
                inputs=[
                    "oof_predictions",
                    "specialist_oof_predictions",
                    "specialist_verdicts",
                    "folds",
                    "params:ensembling",
                ],
                outputs="oof_votes",
                name="vote_on_validation",
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


def create_fold(fold: int) -> Pipeline:
    """What the models of one fold say of every test image, on each dihedral view."""
    return Pipeline(
        [
            Node(
                predict_test,
                inputs=["checkpoint", "look", "images", "test_looks", "params:fold", "params:ensembling"],
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
            "look": f"fold_{fold}_look",
            "test_looks": "test_looks",
            "specialists": f"fold_{fold}_specialists",
            "specialist_verdicts": "specialist_verdicts",
            "images": "images",
        },
        outputs={name: f"fold_{fold}_{name}" for name in ("test_predictions", "specialist_test_predictions")},
        parameters={"params:fold": f"params:folds.fold_{fold}", "params:ensembling": "params:ensembling"},
        tags="ensembling",
    )
