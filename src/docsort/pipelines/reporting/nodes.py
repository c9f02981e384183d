"""Nodes of reporting. Slow imports come late, so that listing the pipelines costs nothing."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from docsort.augmentation.parameters import AugmentationParameters
from docsort.reporting.answer_key import read_answer_key
from docsort.reporting.confidence_scores import Confidences
from docsort.reporting.confidence_scores import score_confidences as score_words
from docsort.reporting.label_gains import add_label_gain, baseline_of
from docsort.reporting.model_card import write_model_card
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import Scores, tabulate_class_scores
from docsort.reporting.scores import score_run as score
from docsort.reporting.summary import summarise_data
from docsort.stores import fingerprint
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import MAIN, TrainingPlan, task_name


def score_run(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    ensemble_lift: dict[str, Any],
    confidence_scores: Scores,
    raw_location: dict[str, Any],
    parameters: ReportingParameters,
    seed: int,
) -> tuple[Scores, Scores]:
    """Scores validation and, where there is an answer key, the submission: the latest scores, and a version of them."""
    scores = score(oof_votes, verdicts, submission, ensemble_lift, read_answer_key(raw_location), parameters, seed)
    scores |= confidence_scores
    return scores, scores


def score_confidences(
    uncalibrated_oof_votes: pd.DataFrame,
    oof_votes: pd.DataFrame,
    uncalibrated_test_votes: pd.DataFrame,
    test_probabilities: pd.DataFrame,
    calibration: dict[str, Any],
    abstention: dict[str, Any],
    raw_location: dict[str, Any],
    seed: int,
) -> tuple[Scores, pd.DataFrame, pd.DataFrame]:
    """Scores how confidences keep their word, and what is answered without a person."""
    votes = Confidences(uncalibrated_oof_votes, oof_votes, uncalibrated_test_votes, test_probabilities)
    return score_words(votes, calibration, abstention, read_answer_key(raw_location), seed)


def tabulate_classes(
    oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame, raw_location: dict[str, Any]
) -> pd.DataFrame:
    """Precision, recall and F1 of every class on every view."""
    return tabulate_class_scores(oof_votes, classes, submission, read_answer_key(raw_location))


def join_histories(*histories: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' learning histories below each other."""
    return pd.concat(histories, ignore_index=True)


def prove_label_fixes(
    oof_votes: pd.DataFrame,
    last_baseline: pd.DataFrame,
    last_gains: pd.DataFrame,
    label_fixes: pd.DataFrame,
    plan: TrainingPlan,
    augmentation: AugmentationParameters,
    parameters: ReportingParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Says what the label fixes since the last run were worth, and remembers this run for the next one."""
    recipe = fingerprint(plan.deciding(), augmentation, seed)
    now = baseline_of(oof_votes, recipe)
    return add_label_gain(last_gains, last_baseline, now, label_fixes, parameters, seed), now


def describe_models(*checkpoints: dict[str, Checkpoint]) -> dict[str, Any]:
    """Collects what each training noted about its weights; the first half of `checkpoints` are the folds' networks, the
    second their looks.
    """
    half = len(checkpoints) // 2
    records = {
        task_name(model, number % half): checkpoint.record() or {}
        for number, members in enumerate(checkpoints)
        for model, checkpoint in members.items()
    }
    return {
        name: {key: value for key, value in record.items() if key != "learnt_groups"}
        for name, record in records.items()
    }


def draw_confusion_matrix(oof_votes: pd.DataFrame, classes: pd.DataFrame) -> go.Figure:
    """Draws what is taken for what, on the test-like view."""
    from docsort.reporting import figures

    return figures.draw_confusion_matrix(oof_votes, classes)


def draw_learning_curves(histories: pd.DataFrame) -> go.Figure:
    """Draws loss and both views' macro-F1 over the epochs."""
    from docsort.reporting import figures

    return figures.draw_learning_curves(histories)


def draw_class_scores(class_scores: pd.DataFrame) -> go.Figure:
    """Draws F1 a class and view."""
    from docsort.reporting import figures

    return figures.draw_class_scores(class_scores)


def draw_reliability(reliability: pd.DataFrame) -> go.Figure:
    """Draws how confidences keep their word, before and after calibration."""
    from docsort.reporting import calibration_figures

    return calibration_figures.draw_reliability(reliability)


def draw_risk_coverage(risk_coverage: pd.DataFrame, abstention: dict[str, Any]) -> go.Figure:
    """Draws what answering only the surest pages is worth."""
    from docsort.reporting import calibration_figures

    return calibration_figures.draw_risk_coverage(risk_coverage, abstention)


def draw_drift(drift: pd.DataFrame) -> go.Figure:
    """Draws how test images differ from training images."""
    from docsort.reporting import figures

    return figures.draw_drift(drift)


def draw_specialist_verdicts(verdicts: pd.DataFrame) -> go.Figure:
    """Draws what each specialist was worth, with its interval."""
    from docsort.reporting import figures

    return figures.draw_specialist_verdicts(verdicts)


def draw_candidates(candidates: pd.DataFrame) -> go.Figure:
    """Draws what other ways to answer would be worth, with their intervals."""
    from docsort.reporting import candidate_figures

    return candidate_figures.draw_candidates(candidates)


def draw_view_curve(view_curve: pd.DataFrame) -> go.Figure:
    """Draws what asking about a page in more views is worth, and what it costs."""
    from docsort.reporting import view_figures

    return view_figures.draw_view_curve(view_curve)


def draw_misclassified(
    oof_votes: pd.DataFrame, validation_renders: pd.DataFrame, classes: pd.DataFrame, parameters: ReportingParameters
) -> Image.Image:
    """Draws the validation pages that the run gets wrong, the surest mistakes first."""
    from docsort.reporting.galleries import draw_gallery, list_misclassified

    return draw_gallery(list_misclassified(oof_votes, validation_renders, parameters.gallery_pages), classes)


def explain_pages(
    oof_votes: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: ReportingParameters,
    *checkpoints: dict[str, Checkpoint],
) -> tuple[Image.Image, Image.Image]:
    """Draws where on the page the surest mistakes, and the surest right answers, were found."""
    from docsort.reporting.explained import explain, list_mistakes, list_sure

    main = [members[MAIN] for members in checkpoints]
    mistakes, sure = (
        choose(oof_votes, validation_renders, parameters.explained_pages) for choose in (list_mistakes, list_sure)
    )
    return explain(mistakes, main, classes), explain(sure, main, classes)


def project_pages(
    oof_votes: pd.DataFrame, parameters: ReportingParameters, seed: int, *embeddings: pd.DataFrame
) -> pd.DataFrame:
    """Lays the folds' embeddings of held-out pages on one plane."""
    from docsort.reporting.projection import project

    return project(pd.concat(embeddings, ignore_index=True), oof_votes, parameters.projected_pages, seed)


def draw_projection(page_projection: pd.DataFrame, classes: pd.DataFrame) -> go.Figure:
    """Draws the plane of held-out pages, coloured by class, by error or by fold."""
    from docsort.reporting import projection_figure

    return projection_figure.draw_projection(page_projection, classes)


def pair_confused(
    oof_votes: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: ReportingParameters,
    *embeddings: pd.DataFrame,
) -> Image.Image:
    """Draws, for the most confused pairs of classes, a page got wrong beside the learnt pages nearest to it."""
    from docsort.reporting.confused_pairs import draw_confused_pairs, list_confused_pairs

    spaces = pd.concat(embeddings, ignore_index=True)
    pairs = list_confused_pairs(oof_votes, spaces, validation_renders, parameters.confused_pairs)
    return draw_confused_pairs(pairs, validation_renders, classes)


def show_odd_pages(page_oddity: pd.DataFrame, images: pd.DataFrame, parameters: ReportingParameters) -> Image.Image:
    """Draws the test images that lie farthest from everything that was learnt."""
    from docsort.reporting.odd_pages import draw_odd_pages

    return draw_odd_pages(page_oddity, images, parameters.odd_pages)


def summarise(
    images: pd.DataFrame,
    rejected_images: pd.DataFrame,
    clean_images: pd.DataFrame,
    duplicates: pd.DataFrame,
    label_fixes: pd.DataFrame,
    label_suspects: pd.DataFrame,
    classes: pd.DataFrame,
) -> dict[str, Any]:
    """Counts what went in, what was rejected, and what was decided about labels."""
    return summarise_data(images, rejected_images, clean_images, duplicates, label_fixes, label_suspects, classes)


def write_report(
    scores: Scores,
    class_scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    candidates: pd.DataFrame,
    selection: dict[str, Any],
    data: dict[str, Any],
    label_gains: pd.DataFrame,
    drift: pd.DataFrame,
    damage: dict[str, Any],
    damage_fit: pd.DataFrame,
    needs_review: pd.DataFrame,
    submission: pd.DataFrame,
    misclassified: Image.Image,
    **drawn: go.Figure | Image.Image,
) -> str:
    """Writes the page that a person reads; `drawn` are the figures, and the pictures that explain, by name."""
    from docsort.reporting import report

    parts = report.ReportParts(
        scores=scores,
        class_scores=class_scores,
        verdicts=verdicts,
        candidates=candidates,
        selection=selection,
        data=data,
        label_gains=label_gains,
        drift=drift,
        damage=damage,
        damage_fit=damage_fit,
        needs_review=needs_review,
        test_count=len(submission),
        galleries={"Validation pages that were got wrong, the surest mistakes first": misclassified},
        **report.by_kind(drawn),
    )
    return report.write_report(parts)


def write_card(
    scores: Scores,
    class_scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    models: dict[str, Any],
    clean_images: pd.DataFrame,
) -> str:
    """Writes the model card."""
    return write_model_card(scores, class_scores, verdicts, models, clean_images)
