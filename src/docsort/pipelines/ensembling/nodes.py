"""Nodes of ensembling."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from docsort.augmentation.parameters import AugmentationParameters
from docsort.cleaning.ledger import resolve_answers
from docsort.ensembling.abstention import judge_abstention
from docsort.ensembling.assembly import assemble
from docsort.ensembling.calibration import calibrate
from docsort.ensembling.candidates import compare_candidates as compare
from docsort.ensembling.decisions import (
    ChosenDecisions,
    Decisions,
    Record,
    decisions_by_fold,
    join_members,
    vote_fold_by_fold,
    vote_out_of_fold,
)
from docsort.ensembling.decisions import choose_decisions as choose
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.external_answers import read_external_answers as read_answers
from docsort.ensembling.forecast import Luck
from docsort.ensembling.forecast import forecast_score as make_forecast
from docsort.ensembling.gain import ensemble_gain
from docsort.ensembling.label_noise import estimate_label_noise, gather_sources, truth_of_pages
from docsort.ensembling.novelty import NoveltyIndex, fit_index
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reference import Reference, build_reference
from docsort.ensembling.submission import build_submission
from docsort.ensembling.temperature import Calibration
from docsort.member_kinds import MAIN, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.models.embeddings import embed, embedding_table, pages_to_embed
from docsort.reporting.parameters import ReportingParameters
from docsort.reviewing.final_answers import decide_sheet
from docsort.stores import Store
from docsort.tables import EMBEDDING_KEYS, probability_columns


def read_external_answers(
    photos: pd.DataFrame, classes: pd.DataFrame, parameters: EnsemblingParameters
) -> pd.DataFrame:
    """Reads the answer sheets of earlier work that join the vote."""
    return read_answers(parameters.external_answers, photos, classes)


def embed_pages(
    checkpoints: list[dict[str, Checkpoint]],
    folds: pd.DataFrame,
    validation_renders: pd.DataFrame,
    fold: int,
    parameters: EnsemblingParameters,
    seed: int,
) -> tuple[pd.DataFrame, NoveltyIndex]:
    """Lets one fold's main member say where pages lie that it has learnt and that it holds out."""
    limit, name = parameters.embedded_pages, task_name(MAIN, fold)
    if not limit:
        return pd.DataFrame(columns=list(EMBEDDING_KEYS)), NoveltyIndex((), np.zeros(0))
    main = checkpoints[fold][MAIN]
    pages = pages_to_embed(main, name, fold, folds, validation_renders, limit, seed)
    blocks, learnt = embed(main, pages["path"].tolist()), pages["learnt"].to_numpy(bool)
    index = fit_index([block[learnt] for block in blocks], [block[~learnt] for block in blocks])
    return embedding_table(pages, blocks[-1]), index


def join_embeddings(*embeddings: pd.DataFrame) -> pd.DataFrame:
    """Puts the folds' embeddings below each other."""
    return pd.concat(embeddings, ignore_index=True)


def choose_decisions(
    view_policy: Record, selection: Record, rules: Record, folds: pd.DataFrame, parameters: EnsemblingParameters
) -> dict[str, Any]:
    """Puts together how members become one answer: as all folds chose it, and for each fold as the others did."""
    chosen = (view_policy, selection, rules)
    by_fold = decisions_by_fold(folds, *chosen, parameters)
    return ChosenDecisions(choose(*chosen, parameters), by_fold).to_record()


def assemble_ensemble(
    general: list[dict[str, Checkpoint]],
    special: list[dict[str, Checkpoint]],
    decisions: Record,
    classes: pd.DataFrame,
    clean_images: pd.DataFrame,
    images: pd.DataFrame,
    augmentation: AugmentationParameters,
    parameters: EnsemblingParameters,
    *novelty: NoveltyIndex,
) -> Ensemble:
    """Puts together what answers a page, still without calibration."""
    everyone = ChosenDecisions.from_record(decisions).everyone
    quality, labels, limit = augmentation.jpeg_quality, clean_images["label"], parameters.review_novelty
    return assemble(general, special, everyone, quality, classes, labels, images, novelty, limit)


def predict_test_images(ensemble: Ensemble, images: pd.DataFrame, prediction_store: Store) -> pd.DataFrame:
    """Asks all members about every test image, in as many views as are worth it."""
    return ensemble.predict(*_test_pages(images), prediction_store, in_workers=True)


def vote_on_test_images(
    ensemble: Ensemble, test_predictions: pd.DataFrame, external_answers: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Makes one answer per test image, by all folds together and by each alone; and averages the views."""
    votes = ensemble.vote_on(test_predictions, external_answers)
    decisions = ensemble.manifest.decisions
    return votes, vote_fold_by_fold(test_predictions, decisions), decisions.members(test_predictions)[0]


def vote_on_validation(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    folds: pd.DataFrame,
    decisions: Record,
) -> pd.DataFrame:
    """Makes one answer per validation page, each fold's by what the other folds chose."""
    predictions = join_members(oof_predictions, specialist_oof_predictions)
    return vote_out_of_fold(predictions, folds, ChosenDecisions.from_record(decisions).by_fold)


def forecast_score(
    oof_votes: pd.DataFrame,
    test_members: pd.DataFrame,
    oof_members: pd.DataFrame,
    decisions: Record,
    clean_images: pd.DataFrame,
    label_fixes: pd.DataFrame,
    parameters: ReportingParameters,
    seed: int,
) -> dict[str, Any]:
    """Forecasts what the submission will score against right labels."""
    chosen = ChosenDecisions.from_record(decisions)
    plans = {fold: others.plan for fold, others in chosen.by_fold.items()}
    noise = estimate_label_noise(gather_sources(oof_votes, clean_images, label_fixes))
    gain = ensemble_gain(test_members, oof_members, chosen.everyone.plan, plans, noise)
    luck = Luck(parameters.draws, parameters.confidence, seed)
    return make_forecast(oof_votes, noise, gain, test_members["image_id"].nunique(), luck)


def make_reference(
    ensemble: Ensemble,
    calibration: dict[str, Any],
    appearance: pd.DataFrame,
    oof_votes: pd.DataFrame,
    images: pd.DataFrame,
    external_answers: pd.DataFrame,
    seed: int,
    prediction_store: Store,
) -> Reference:
    """Keeps how the pages validated on look and are answered, for new pages to be compared with."""
    manifest = replace(ensemble.manifest, decisions=_calibrated(ensemble, calibration))
    finished = replace(ensemble, manifest=manifest)
    answers = finished.answer(*_test_pages(images), prediction_store, external_answers, in_workers=True)
    return build_reference(appearance, answers, oof_votes, seed)


def believe_labels(oof_votes: pd.DataFrame, clean_images: pd.DataFrame, label_fixes: pd.DataFrame) -> pd.DataFrame:
    """Says what the true label of each held-out page may be."""
    noise = estimate_label_noise(gather_sources(oof_votes, clean_images, label_fixes))
    return noise.table(probability_columns(oof_votes))


def calibrate_votes(
    oof_votes: pd.DataFrame,
    test_votes: pd.DataFrame,
    fold_votes: pd.DataFrame,
    label_beliefs: pd.DataFrame,
    parameters: EnsemblingParameters,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Calibrates confidences, and chooses the one below which a person should look."""
    truth = truth_of_pages(oof_votes, label_beliefs)
    calibrated = calibrate(oof_votes, test_votes, fold_votes, truth, parameters, seed)
    abstention = judge_abstention(calibrated.oof_votes, calibrated.test_votes, truth, parameters)
    return calibrated.oof_votes, calibrated.record, abstention


def complete_ensemble(
    ensemble: Ensemble,
    calibration: dict[str, Any],
    abstention: dict[str, Any],
    forecast: dict[str, Any],
    reference: Reference,
) -> Ensemble:
    """Gives the ensemble its calibration, its threshold, what it is forecast to score, and what to watch by."""
    decisions = replace(_calibrated(ensemble, calibration), threshold=abstention["threshold"])
    told = {name: forecast[name] for name in ("macro_f1", "accuracy", "interval", "n", "groups")}
    return ensemble.finished(decisions, told, reference)


def answer_test_images(
    ensemble: Ensemble, images: pd.DataFrame, external_answers: pd.DataFrame, prediction_store: Store
) -> pd.DataFrame:
    """Answers every readable test image as any page is answered; what its members predicted before is cached."""
    return ensemble.answer(*_test_pages(images), prediction_store, external_answers, in_workers=True)


def compare_candidates(
    oof_predictions: pd.DataFrame,
    specialist_oof_predictions: pd.DataFrame,
    decisions: Record,
    selection: Record,
    oof_votes: pd.DataFrame,
    parameters: EnsemblingParameters,
    seed: int,
) -> pd.DataFrame:
    """Compares other ways to answer with the one that is used, out of fold."""
    predictions = join_members(oof_predictions, specialist_oof_predictions)
    return compare(predictions, ChosenDecisions.from_record(decisions).by_fold, oof_votes, selection, parameters, seed)


def write_submission(
    photos: pd.DataFrame,
    rejected_images: pd.DataFrame,
    answers: pd.DataFrame,
    ensemble: Ensemble,
    classes: pd.DataFrame,
    answer_fixes: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Writes the answer sheet as the ensemble answers, and with what a person decided: where it is looked for, and
    among the versions of all runs."""
    answered = build_submission(photos, rejected_images, answers, ensemble.manifest.fallback)
    submission = decide_sheet(answered, photos, resolve_answers(answer_fixes, classes))
    return answered, submission, submission


def _calibrated(ensemble: Ensemble, calibration: dict[str, Any]) -> Decisions:
    """What a draft decides, its votes calibrated as those of test images are."""
    return replace(ensemble.manifest.decisions, calibration=Calibration.from_record(calibration["test"]))


def _test_pages(images: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Paths and names, in the order of the submission."""
    test = images[images["split"] == "test"].sort_values("position", kind="stable")
    return test["path"].tolist(), test["image_id"].tolist()
