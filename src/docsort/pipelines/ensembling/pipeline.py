"""From checkpoints to one ensemble, and through it to one calibrated answer per test image."""

from kedro.pipeline import Node, Pipeline

from docsort.ensembling.review_list import list_needs_review
from docsort.pipelines.ensembling import nodes
from docsort.pipelines.wiring import box, of_folds, stage, step


def create_pipeline(folds: int) -> Pipeline:
    embeddings = [create_embedding(fold) for fold in range(folds)]
    return stage("ensembling", [*embeddings, *create_ensemble(folds), *create_votes(), *create_answers()])


def create_embedding(fold: int) -> Pipeline:
    """Where the main member of one fold puts the pages that it has learnt and holds out."""
    embed = step(
        nodes.embed_pages,
        f"members folds validation_renders params:fold_numbers.fold_{fold} params:ensembling params:seed",
        f"fold_{fold}_embeddings fold_{fold}_novelty",
    )
    return box(f"fold_{fold}", [embed])


def create_ensemble(folds: int) -> list[Node]:
    """What was chosen, and the ensemble that comes of it, not calibrated yet."""
    return [
        step(nodes.join_embeddings, of_folds("embeddings", folds), "embeddings"),
        step(
            nodes.choose_decisions,
            "view_policy ensemble_selection specialist_rules folds params:ensembling",
            "decisions",
        ),
        step(
            nodes.assemble_ensemble,
            f"members specialists decisions classes clean_images images params:augmentation params:ensembling "
            f"{of_folds('novelty', folds)}",
            "draft_ensemble",
        ),
    ]


def create_votes() -> list[Node]:
    """What is answered on test images and on validation pages, and what that will score."""
    return [
        step(nodes.read_external_answers, "photos classes params:ensembling", "external_answers"),
        step(nodes.predict_test_images, "draft_ensemble images prediction_store", "test_predictions"),
        step(
            nodes.vote_on_test_images,
            "draft_ensemble test_predictions external_answers",
            "uncalibrated_test_votes fold_test_votes test_members",
        ),
        step(
            nodes.vote_on_validation,
            "oof_predictions specialist_oof_predictions folds decisions",
            "uncalibrated_oof_votes",
        ),
        step(nodes.believe_labels, "uncalibrated_oof_votes clean_images label_fixes", "label_beliefs"),
        step(
            nodes.calibrate_votes,
            "uncalibrated_oof_votes uncalibrated_test_votes fold_test_votes label_beliefs params:ensembling "
            "params:seed",
            "oof_votes calibration abstention",
        ),
        step(
            nodes.forecast_score,
            "oof_votes test_members oof_members decisions clean_images label_fixes params:reporting params:seed",
            "forecast",
        ),
    ]


def create_answers() -> list[Node]:
    """The finished ensemble, what it answers, and how other ways to answer would do."""
    return [
        step(
            nodes.make_reference,
            "draft_ensemble calibration appearance oof_votes images external_answers params:seed prediction_store",
            "reference",
        ),
        step(
            nodes.complete_ensemble,
            "draft_ensemble calibration abstention forecast reference",
            "ensemble",
        ),
        step(nodes.answer_test_images, "ensemble images external_answers prediction_store", "test_probabilities"),
        step(
            nodes.compare_candidates,
            "oof_predictions specialist_oof_predictions decisions ensemble_selection oof_votes params:ensembling "
            "params:seed",
            "candidates",
        ),
        step(
            nodes.write_submission,
            "photos rejected_images test_probabilities ensemble classes answer_fixes",
            "model_submission submission submissions",
        ),
        step(list_needs_review, "test_probabilities rejected_images model_submission classes", "needs_review"),
    ]
