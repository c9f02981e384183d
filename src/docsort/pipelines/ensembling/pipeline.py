"""From checkpoints to one believable answer a test image: views, folds, the specialists that earned it, a vote."""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines.ensembling.nodes import (
    combine_predictions,
    embed_pages,
    list_needs_review,
    measure_ensemble_lift,
    predict_specialist_test,
    predict_test,
    rate_oddity,
    vote_on_validation,
    write_submission,
)


def create_pipeline() -> Pipeline:
    predictions = [f"fold_{fold}_test_predictions" for fold in range(FOLDS)]
    opinions = [f"fold_{fold}_specialist_test_predictions" for fold in range(FOLDS)]
    folds = sum((create_fold(fold) + create_embedding(fold) for fold in range(FOLDS)), create_oddity())
    return folds + Pipeline(
        [
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


def create_oddity() -> Pipeline:
    """How far each test image is from everything that was learnt."""
    return Pipeline(
        [
            Node(
                rate_oddity,
                inputs=[f"fold_{fold}_page_distances" for fold in range(FOLDS)],
                outputs="page_oddity",
                name="rate_oddity",
            )
        ],
        tags="ensembling",
    )


def create_embedding(fold: int) -> Pipeline:
    """Where the main model of one fold puts the pages that it has learnt, holds out and is asked about."""
    return Pipeline(
        [
            Node(
                embed_pages,
                inputs=[
                    "checkpoint",
                    "folds",
                    "validation_renders",
                    "images",
                    "params:fold",
                    "params:ensembling",
                    "params:seed",
                ],
                outputs=["embeddings", "page_distances"],
                name="embed_pages",
            )
        ],
        namespace=f"fold_{fold}_embedding",
        inputs={
            "checkpoint": f"fold_{fold}_checkpoint",
            "folds": "folds",
            "validation_renders": "validation_renders",
            "images": "images",
        },
        outputs={name: f"fold_{fold}_{name}" for name in ("embeddings", "page_distances")},
        parameters={
            "params:fold": f"params:folds.fold_{fold}",
            "params:ensembling": "params:ensembling",
            "params:seed": "params:seed",
        },
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
