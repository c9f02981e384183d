"""From checkpoints to one believable answer a test image: views, folds, models, the specialists that earned it, a vote,
confidences that keep their word.
"""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines.ensembling.nodes import (
    average_test_views,
    calibrate_votes,
    choose_when_to_answer,
    combine_predictions,
    compare_candidates,
    describe_test_images,
    embed_pages,
    list_needs_review,
    measure_ensemble_lift,
    predict_specialist_test,
    predict_test,
    rate_oddity,
    read_old_submissions,
    select_ensemble,
    vote_fold_by_fold,
    vote_on_validation,
    write_submission,
)


def create_pipeline() -> Pipeline:
    predictions = [f"fold_{fold}_test_predictions" for fold in range(FOLDS)]
    opinions = [f"fold_{fold}_specialist_test_predictions" for fold in range(FOLDS)]
    views = Pipeline(
        [
            Node(
                describe_test_images,
                inputs=["test_renders", "params:look"],
                outputs="test_looks",
                name="describe_test_images",
            ),
            Node(
                average_test_views,
                inputs=["view_policy", *predictions, *opinions],
                outputs=["test_members", "specialist_test_members"],
                name="average_test_views",
            ),
        ],
        tags="ensembling",
    )
    folds = sum((create_fold(fold) + create_embedding(fold) for fold in range(FOLDS)), create_oddity())
    return folds + views + create_weights() + create_test_votes() + create_validation_votes() + create_answers()


def create_weights() -> Pipeline:
    """How much each model counts, and which earlier answers join."""
    return Pipeline(
        [
            Node(
                select_ensemble,
                inputs=["oof_members", "params:ensembling", "params:seed"],
                outputs="ensemble_selection",
                name="select_ensemble",
            ),
            Node(
                read_old_submissions,
                inputs=["photos", "classes", "params:ensembling"],
                outputs="old_submissions",
                name="read_old_submissions",
            ),
        ],
        tags="ensembling",
    )


def create_test_votes() -> Pipeline:
    """What is answered on test images, by all folds together and by each alone, and what together is worth."""
    said = ["test_members", "specialist_test_members", "specialist_verdicts", "ensemble_selection"]
    return Pipeline(
        [
            Node(
                combine_predictions,
                inputs=[*said, "old_submissions", "params:ensembling"],
                outputs="uncalibrated_test_votes",
                name="combine_predictions",
            ),
            Node(
                vote_fold_by_fold,
                inputs=[*said, "params:ensembling"],
                outputs="fold_test_votes",
                name="vote_fold_by_fold",
            ),
            Node(
                measure_ensemble_lift,
                inputs=["test_members", "oof_members", "params:ensembling", "ensemble_selection"],
                outputs="ensemble_lift",
                name="measure_ensemble_lift",
            ),
        ],
        tags="ensembling",
    )


def create_validation_votes() -> Pipeline:
    """The same on validation pages, and how other ways to answer would do there."""
    said = ["oof_members", "specialist_oof_members", "specialist_verdicts"]
    return Pipeline(
        [
            Node(
                vote_on_validation,
                inputs=[*said, "folds", "params:ensembling", "ensemble_selection"],
                outputs="uncalibrated_oof_votes",
                name="vote_on_validation",
            ),
            Node(
                compare_candidates,
                inputs=[*said, "oof_votes", "ensemble_selection", "params:ensembling", "params:seed"],
                outputs="candidates",
                name="compare_candidates",
            ),
        ],
        tags="ensembling",
    )


def create_answers() -> Pipeline:
    """Confidences that keep their word, the submission, and the pages that a person should look at."""
    return Pipeline(
        [
            Node(
                calibrate_votes,
                inputs=[
                    "uncalibrated_oof_votes",
                    "uncalibrated_test_votes",
                    "fold_test_votes",
                    "params:ensembling",
                    "params:seed",
                ],
                outputs=["oof_votes", "test_probabilities", "calibration"],
                name="calibrate_votes",
            ),
            Node(
                choose_when_to_answer,
                inputs=["oof_votes", "test_probabilities", "params:ensembling"],
                outputs="abstention",
                name="choose_when_to_answer",
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
                    "abstention",
                    "params:ensembling",
                    "page_oddity",
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
                    "test_renders",
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
            "test_renders": "test_renders",
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
    """What the models of one fold say of every test image, in as many views as are worth it."""
    shared = ("specialist_verdicts", "test_renders", "view_policy", "prediction_store")
    asking = ["test_renders", "params:fold", "view_policy", "prediction_store"]
    return Pipeline(
        [
            Node(
                predict_test,
                inputs=["checkpoint", "look", "test_renders", "test_looks", *asking[1:]],
                outputs="test_predictions",
                name="predict_test",
            ),
            Node(
                predict_specialist_test,
                inputs=["specialists", "specialist_verdicts", *asking],
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
            **{name: name for name in shared},
        },
        outputs={name: f"fold_{fold}_{name}" for name in ("test_predictions", "specialist_test_predictions")},
        parameters={"params:fold": f"params:folds.fold_{fold}"},
        tags="ensembling",
    )
