"""Nodes of reporting. Slow imports come late, so that listing the pipelines costs nothing."""

from typing import Any

import pandas as pd
from PIL import Image

from docsort.augmentation.parameters import AugmentationParameters
from docsort.ensembling.label_noise import truth_of_pages
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.folds import CrossValidationParameters
from docsort.ingestion.parameters import SourceParameters
from docsort.member_kinds import MAIN, Members
from docsort.members.checkpoints import Checkpoint
from docsort.members.splits import renders_in
from docsort.reporting import model_card, reading_worth, report, shortcut
from docsort.reporting.answer_key import read_answer_key
from docsort.reporting.confidence_scores import Confidences
from docsort.reporting.confidence_scores import score_confidences as score_words
from docsort.reporting.explained import explain, list_sure
from docsort.reporting.galleries import list_mistakes
from docsort.reporting.label_gains import add_label_gain, baseline_of
from docsort.reporting.model_records import list_models
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.projection import project
from docsort.reporting.read_pages import find_readers, keeps_text, list_lines
from docsort.reporting.scores import Scores, score_decisions, tabulate_class_scores
from docsort.reporting.scores import score_run as score
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store, fingerprint


def score_run(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    answered: pd.DataFrame,
    submission: pd.DataFrame,
    forecast: dict[str, Any],
    confidence_scores: Scores,
    holdout_scores: Scores,
    raw_location: dict[str, Any],
    parameters: ReportingParameters,
    seed: int,
) -> tuple[Scores, Scores]:
    """Scores validation and, where there is an answer key, what the ensemble answers and apart from it what a person
    made of it: the latest scores, and a version of them."""
    key = read_answer_key(raw_location)
    scores = score(oof_votes, verdicts, answered, forecast, key, parameters, seed)
    scores |= score_decisions(answered, submission, key, parameters, seed) | confidence_scores | holdout_scores
    return scores, scores


def score_confidences(
    uncalibrated_oof_votes: pd.DataFrame,
    oof_votes: pd.DataFrame,
    uncalibrated_test_votes: pd.DataFrame,
    test_probabilities: pd.DataFrame,
    calibration: dict[str, Any],
    abstention: dict[str, Any],
    label_beliefs: pd.DataFrame,
    raw_location: dict[str, Any],
    seed: int,
) -> tuple[Scores, pd.DataFrame, pd.DataFrame]:
    """Scores how calibrated confidences are, and what is answered without a person."""
    answers = test_probabilities.rename(columns={"target": "predicted"})
    truth = truth_of_pages(oof_votes, label_beliefs)
    votes = Confidences(uncalibrated_oof_votes, oof_votes, uncalibrated_test_votes, answers, truth)
    return score_words(votes, calibration, abstention, read_answer_key(raw_location), seed)


def tabulate_classes(
    oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame, raw_location: dict[str, Any]
) -> pd.DataFrame:
    """Precision, recall and F1 of every class on every condition."""
    return tabulate_class_scores(oof_votes, classes, submission, read_answer_key(raw_location))


def prove_label_fixes(
    oof_votes: pd.DataFrame,
    last_baseline: pd.DataFrame,
    last_gains: pd.DataFrame,
    label_fixes: pd.DataFrame,
    members: Members,
    specialists: SpecialistParameters,
    ensembling: EnsemblingParameters,
    augmentation: AugmentationParameters,
    cross_validation: CrossValidationParameters,
    parameters: ReportingParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Says what the label fixes since the last run were worth, and remembers this run for the next one."""
    deciding = {name: member.deciding() for name, member in members}
    recipe = fingerprint(deciding, specialists, ensembling, augmentation, cross_validation, seed)
    now = baseline_of(oof_votes, recipe)
    return add_label_gain(last_gains, last_baseline, now, label_fixes, parameters, seed), now


def probe_shortcut(
    validation_renders: pd.DataFrame, classes: pd.DataFrame, members: Members, seed: int
) -> dict[str, Any]:
    """Says how well the classes are told by what cannot be read."""
    seen = renders_in(members.main.page_format, validation_renders)
    return shortcut.probe_shortcut(seen, members.main.image_size, len(classes), seed)


def describe_models(
    members: list[dict[str, Checkpoint]],
    specialists: list[dict[str, Checkpoint]],
    verdicts: pd.DataFrame,
    parameters: Members,
) -> dict[str, Any]:
    """Collects what each training noted about its member, and what late members were asked and gained."""
    late = [{name: own[name] for name in parameters.late if name in own} for own in specialists]
    return list_models(members, late, verdicts)


def explain_pages(
    oof_votes: pd.DataFrame,
    validation_renders: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: ReportingParameters,
    members: list[dict[str, Checkpoint]],
) -> tuple[Image.Image, Image.Image]:
    """Draws where on the page the surest mistakes, and the surest right answers, were found."""
    main = [own[MAIN] for own in members]
    seen = renders_in(main[0].page_format, validation_renders)
    mistakes, sure = (choose(oof_votes, seen, parameters.explained_pages) for choose in (list_mistakes, list_sure))
    return explain(mistakes, main, classes), explain(sure, main, classes)


def project_pages(
    oof_votes: pd.DataFrame, embeddings: pd.DataFrame, parameters: ReportingParameters, seed: int
) -> pd.DataFrame:
    """Lays the folds' embeddings of held-out pages on one plane."""
    return project(embeddings, oof_votes, parameters.projected_pages, seed)


def list_read_lines(
    members: list[dict[str, Checkpoint]],
    specialists: list[dict[str, Checkpoint]],
    validation_renders: pd.DataFrame,
    prediction_store: Store,
) -> pd.DataFrame:
    """Tables what was read of held-out pages, where a member reads and may keep text."""
    return list_lines(find_readers(members, specialists), validation_renders, prediction_store)


def tell_reading(
    members: list[dict[str, Checkpoint]],
    specialists: list[dict[str, Checkpoint]],
    general_oof_votes: pd.DataFrame,
    specialist_oof_members: pd.DataFrame,
    verdicts: pd.DataFrame,
) -> dict[str, Any]:
    """Says which members read, and what that was worth."""
    readers = {name: keeps_text(reader) for name, reader in find_readers(members, specialists).items()}
    return reading_worth.tell_reading(readers, general_oof_votes, specialist_oof_members, verdicts)


def write_model_card(
    scores: Scores,
    class_scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    models: dict[str, Any],
    clean_images: pd.DataFrame,
    reading: dict[str, Any],
) -> str:
    """Writes what a user must know before trusting the model."""
    return model_card.write_model_card(scores, class_scores, verdicts, models, clean_images, reading["readers"])


def write_report(parameters: ReportingParameters, source: SourceParameters, **tables: Any) -> str:
    """Writes the page that a person reads; `tables` are datasets by their names."""
    return report.write_report({**tables, "params:reporting": parameters, "params:source": source})
