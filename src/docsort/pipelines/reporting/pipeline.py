"""From all tables to the scores, the figures, the report and the model card."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.reporting import nodes
from docsort.pipelines.wiring import stage, step
from docsort.reporting import calibration_figures, candidate_figures, figures, projection_figure, view_figures
from docsort.reporting.holdout import score_holdout
from docsort.reporting.report import NEEDED
from docsort.reporting.summary import summarise_data

PARAMETERS = {"parameters": "params:reporting", "source": "params:source"}


def create_pipeline() -> Pipeline:
    return stage(
        "reporting",
        [*create_scores(), *create_data(), *create_figures(), *create_explanations(), *create_pages()],
    )


def create_scores() -> list[Node]:
    """How well it does, in numbers."""
    return [
        step(
            nodes.score_confidences,
            "uncalibrated_oof_votes oof_votes uncalibrated_test_votes test_probabilities calibration abstention "
            "label_beliefs raw_location params:seed",
            "confidence_scores reliability risk_coverage",
        ),
        step(
            score_holdout,
            "ensemble holdout holdout_pages prediction_store params:reporting params:seed",
            "holdout_scores",
        ),
        step(
            nodes.score_run,
            "oof_votes specialist_verdicts model_submission submission forecast confidence_scores holdout_scores "
            "raw_location params:reporting params:seed",
            "scores scores_history",
        ),
        step(nodes.tabulate_classes, "oof_votes classes model_submission raw_location", "class_scores"),
        step(nodes.describe_models, "members specialists specialist_verdicts params:members", "models"),
        step(
            nodes.tell_reading,
            "members specialists general_oof_votes specialist_oof_members specialist_verdicts",
            "reading",
        ),
    ]


def create_data() -> list[Node]:
    """What went in, and what was decided about it."""
    return [
        step(
            summarise_data,
            "images rejected_images clean_images duplicates label_fixes label_suspects classes",
            "data_summary",
        ),
        step(nodes.probe_shortcut, "validation_renders classes params:members params:seed", "shortcut"),
        step(
            nodes.prove_label_fixes,
            "oof_votes last_label_baseline last_label_gains label_fixes params:members params:specialists "
            "params:ensembling params:augmentation params:cross_validation params:reporting params:seed",
            "label_gains label_baseline",
        ),
    ]


def create_figures() -> list[Node]:
    """Everything to look at; each previews in kedro-viz."""
    return [
        step(figures.draw_confusion_matrix, "oof_votes classes", "confusion_matrix_figure"),
        step(figures.draw_learning_curves, "histories", "learning_curves_figure"),
        step(figures.draw_class_scores, "class_scores", "class_scores_figure"),
        step(figures.draw_specialist_verdicts, "specialist_verdicts", "specialist_verdicts_figure"),
        step(candidate_figures.draw_candidates, "candidates", "candidates_figure"),
        step(view_figures.draw_view_curve, "view_curve", "view_curve_figure"),
        step(calibration_figures.draw_reliability, "reliability", "reliability_figure"),
        step(calibration_figures.draw_risk_coverage, "risk_coverage abstention", "risk_coverage_figure"),
        step(figures.draw_drift, "drift", "drift_figure"),
    ]


def create_explanations() -> list[Node]:
    """What the models look at, what is alike to them, and what they read."""
    return [
        step(
            nodes.explain_pages,
            "oof_votes validation_renders classes params:reporting members",
            "explained_mistakes explained_answers",
        ),
        step(nodes.project_pages, "oof_votes embeddings params:reporting params:seed", "page_projection"),
        step(projection_figure.draw_projection, "page_projection classes", "projection_figure"),
        step(nodes.list_read_lines, "members specialists validation_renders prediction_store", "reading_lines"),
    ]


def create_pages() -> list[Node]:
    """The two pages that a person reads."""
    return [
        step(
            nodes.write_report,
            {name: name for name in NEEDED if name not in PARAMETERS.values()} | PARAMETERS,
            "report",
        ),
        step(
            nodes.write_model_card,
            "scores class_scores specialist_verdicts models clean_images reading",
            "model_card",
        ),
    ]
