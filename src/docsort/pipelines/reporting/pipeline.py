"""From all tables to the scores, the figures, the report and the model card."""

from kedro.pipeline import Node, Pipeline

from docsort.folds import FOLDS
from docsort.pipelines.reporting.nodes import (
    describe_models,
    draw_candidates,
    draw_class_scores,
    draw_confusion_matrix,
    draw_drift,
    draw_learning_curves,
    draw_misclassified,
    draw_projection,
    draw_reliability,
    draw_risk_coverage,
    draw_specialist_verdicts,
    draw_view_curve,
    explain_pages,
    join_histories,
    pair_confused,
    project_pages,
    prove_label_fixes,
    score_confidences,
    score_run,
    show_odd_pages,
    summarise,
    tabulate_classes,
    write_card,
    write_report,
)

FIGURES = (
    "confusion_matrix_figure",
    "learning_curves_figure",
    "class_scores_figure",
    "specialist_verdicts_figure",
    "candidates_figure",
    "view_curve_figure",
    "reliability_figure",
    "risk_coverage_figure",
    "drift_figure",
    "projection_figure",
)
EXPLANATIONS = ("explained_mistakes", "explained_answers", "confused_pairs", "odd_pages")


def create_pipeline() -> Pipeline:
    return create_scores() + create_data() + create_figures() + create_explanations() + create_pages()


def create_scores() -> Pipeline:
    """How well it does, in numbers."""
    return Pipeline(
        [
            Node(
                score_confidences,
                inputs=[
                    "uncalibrated_oof_votes",
                    "oof_votes",
                    "uncalibrated_test_votes",
                    "test_probabilities",
                    "calibration",
                    "abstention",
                    "raw_location",
                    "params:seed",
                ],
                outputs=["confidence_scores", "reliability", "risk_coverage"],
                name="score_confidences",
            ),
            Node(
                score_run,
                inputs=[
                    "oof_votes",
                    "specialist_verdicts",
                    "submission",
                    "ensemble_lift",
                    "confidence_scores",
                    "raw_location",
                    "params:reporting",
                    "params:seed",
                ],
                outputs=["scores", "scores_history"],
                name="score_run",
            ),
            Node(
                tabulate_classes,
                inputs=["oof_votes", "classes", "submission", "raw_location"],
                outputs="class_scores",
                name="tabulate_classes",
            ),
            Node(
                join_histories,
                inputs=[f"fold_{fold}_history" for fold in range(FOLDS)],
                outputs="histories",
                name="join_histories",
            ),
            Node(
                describe_models,
                inputs=[f"fold_{fold}_{kind}" for kind in ("checkpoint", "look") for fold in range(FOLDS)],
                outputs="models",
                name="describe_models",
            ),
        ],
        tags="reporting",
    )


def create_data() -> Pipeline:
    """What went in, and what was decided about it."""
    return Pipeline(
        [
            Node(
                summarise,
                inputs=[
                    "images",
                    "rejected_images",
                    "clean_images",
                    "duplicates",
                    "label_fixes",
                    "label_suspects",
                    "classes",
                ],
                outputs="data_summary",
                name="summarise",
            ),
            Node(
                prove_label_fixes,
                inputs=[
                    "oof_votes",
                    "last_label_baseline",
                    "last_label_gains",
                    "label_fixes",
                    "params:training",
                    "params:augmentation",
                    "params:reporting",
                    "params:seed",
                ],
                outputs=["label_gains", "label_baseline"],
                name="prove_label_fixes",
            ),
        ],
        tags="reporting",
    )


def create_figures() -> Pipeline:
    """Everything to look at; each previews in kedro-viz."""
    return Pipeline(
        [
            Node(
                draw_confusion_matrix,
                inputs=["oof_votes", "classes"],
                outputs="confusion_matrix_figure",
                name="draw_confusion_matrix",
            ),
            Node(
                draw_learning_curves, inputs="histories", outputs="learning_curves_figure", name="draw_learning_curves"
            ),
            Node(draw_class_scores, inputs="class_scores", outputs="class_scores_figure", name="draw_class_scores"),
            Node(
                draw_specialist_verdicts,
                inputs="specialist_verdicts",
                outputs="specialist_verdicts_figure",
                name="draw_specialist_verdicts",
            ),
            Node(draw_candidates, inputs="candidates", outputs="candidates_figure", name="draw_candidates"),
            Node(draw_view_curve, inputs="view_curve", outputs="view_curve_figure", name="draw_view_curve"),
            Node(draw_reliability, inputs="reliability", outputs="reliability_figure", name="draw_reliability"),
            Node(
                draw_risk_coverage,
                inputs=["risk_coverage", "abstention"],
                outputs="risk_coverage_figure",
                name="draw_risk_coverage",
            ),
            Node(draw_drift, inputs="drift", outputs="drift_figure", name="draw_drift"),
            Node(
                draw_misclassified,
                inputs=["oof_votes", "validation_renders", "classes", "params:reporting"],
                outputs="misclassified",
                name="draw_misclassified",
            ),
        ],
        tags="reporting",
    )


def create_explanations() -> Pipeline:
    """What the models look at, what is alike to them, and what is strange; each previews in kedro-viz."""
    folds = range(FOLDS)
    embeddings = [f"fold_{fold}_embeddings" for fold in folds]
    shown = ["oof_votes", "validation_renders", "classes", "params:reporting"]
    return Pipeline(
        [
            Node(
                explain_pages,
                inputs=[*shown, *(f"fold_{fold}_checkpoint" for fold in folds)],
                outputs=["explained_mistakes", "explained_answers"],
                name="explain_pages",
            ),
            Node(
                project_pages,
                inputs=["oof_votes", "params:reporting", "params:seed", *embeddings],
                outputs="page_projection",
                name="project_pages",
            ),
            Node(
                draw_projection,
                inputs=["page_projection", "classes"],
                outputs="projection_figure",
                name="draw_projection",
            ),
            Node(pair_confused, inputs=[*shown, *embeddings], outputs="confused_pairs", name="pair_confused"),
            Node(
                show_odd_pages,
                inputs=["page_oddity", "images", "params:reporting"],
                outputs="odd_pages",
                name="show_odd_pages",
            ),
        ],
        tags="reporting",
    )


def create_pages() -> Pipeline:
    """The two pages that a person reads."""
    return Pipeline(
        [
            Node(
                write_report,
                inputs={
                    "scores": "scores",
                    "class_scores": "class_scores",
                    "verdicts": "specialist_verdicts",
                    "candidates": "candidates",
                    "selection": "ensemble_selection",
                    "data": "data_summary",
                    "label_gains": "label_gains",
                    "drift": "drift",
                    "damage": "fitted_damage",
                    "damage_fit": "damage_fit",
                    "needs_review": "needs_review",
                    "submission": "submission",
                    "misclassified": "misclassified",
                    **{name: name for name in (*FIGURES, *EXPLANATIONS)},
                },
                outputs="report",
                name="write_report",
            ),
            Node(
                write_card,
                inputs=["scores", "class_scores", "specialist_verdicts", "models", "clean_images"],
                outputs="model_card",
                name="write_card",
            ),
        ],
        tags="reporting",
    )
