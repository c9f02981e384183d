"""The stage of ensembling from tables of predictions on: what is judged out of fold is what the ensemble holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.pipeline import Pipeline
from small_network import SMALL_NETWORK
from stage import run_stage

from docsort.augmentation.parameters import AugmentationParameters
from docsort.ensembling.assembly import TRAITS
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reference import Reference
from docsort.ensembling.temperature import Calibration
from docsort.member_kinds import Members
from docsort.members.checkpoints import Checkpoint
from docsort.members.views import ViewPolicy, members_of
from docsort.metrics import mean_over_members
from docsort.pipelines.ensembling import create_pipeline
from docsort.pipelines.training import create_pipeline as create_training
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import score_run
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.verdict import VERDICTS
from docsort.tables import ANSWER_LEDGER, ANSWERS, LEDGER

FOLDS, CLASSES, SOURCES, TEST = 3, 4, 90, 60
MODELS = {"main": 0.9, "kernel": 1.4}
"""Noise of each member."""
TURNS = ViewPolicy(name="two", views=((0, 100), (1, 100)))
FIRST = (
    "choose_decisions",
    "assemble_ensemble",
    "vote_on_test_images",
    "vote_on_validation",
    "believe_labels",
    "calibrate_votes",
    "forecast_score",
    "complete_ensemble",
    "compare_candidates",
)
LAST = ("write_submission", "list_needs_review")
REPORTING = ReportingParameters(draws=100)
PARAMETERS = EnsemblingParameters.model_validate({"draws": 100, "turns": [0, 1], "review_precision": 0.99})


def predictions(condition: str, labels: np.ndarray, folds: np.ndarray, names: list[str]) -> pd.DataFrame:
    """What each member says of pages in two turns: evidence for the label, under noise of its own. folds: (N,)."""
    rng, parts = np.random.default_rng([int(folds.sum()), len(condition)]), []
    for model, noise in MODELS.items():
        for turn, scale in TURNS.views:
            logits = 1.5 * np.eye(CLASSES)[labels] + rng.normal(0, noise, (len(labels), CLASSES))
            powers = np.exp(logits)
            table = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(CLASSES)])
            keys = {"model": model, "fold": folds, "image_id": names, "group": names, "condition": condition}
            render_ids = [f"{name}~{condition}" for name in names] if condition != "test" else names
            parts.append(table.assign(**keys, label=labels, render_id=render_ids, copy=0, turn=turn, scale=scale))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    """What the stages before leave on disk."""
    rng = np.random.default_rng(0)
    labels, folds = rng.integers(CLASSES, size=SOURCES), np.arange(SOURCES) % FOLDS
    names = [f"s{number:02}" for number in range(SOURCES)]
    oof = pd.concat([predictions(condition, labels, folds, names) for condition in ("clean", "test_like")])
    tests = [f"t{number:02}.jpg" for number in range(TEST)]
    truth = rng.integers(CLASSES, size=TEST)
    asked = [predictions("test", truth, np.full(TEST, fold), tests) for fold in range(FOLDS)]
    record = TURNS.model_dump(mode="json")
    members = [{name: Checkpoint(Path(name), f"{name}_{fold}") for name in MODELS} for fold in range(FOLDS)]
    main = SMALL_NETWORK
    images = pd.DataFrame({"split": ["train"] * 3} | {trait: [1.0, 2.0, 3.0] for trait in TRAITS})
    return {
        "oof_predictions": oof.reset_index(drop=True),
        "oof_members": members_of(oof, TURNS),
        "specialist_oof_predictions": oof.head(0),
        "test_predictions": pd.concat(asked, ignore_index=True).assign(label=pd.NA),
        "external_answers": pd.DataFrame(columns=["model", "image_id", "target"]),
        "folds": pd.DataFrame({"image_id": names, "group": names, "label": labels, "fold": folds}),
        "view_policy": {"policy": record, "by_fold": {str(fold): record for fold in range(FOLDS)}},
        "specialist_rules": {"all": [], "by_fold": {}},
        "members": members,
        "specialists": [{} for _ in range(FOLDS)],
        "classes": pd.DataFrame({"target": range(CLASSES), "class_name": list("abcd")}),
        "clean_images": pd.DataFrame({"image_id": names, "label": labels, "given_label": labels}),
        "label_fixes": pd.DataFrame(columns=list(LEDGER)),
        "answer_fixes": pd.DataFrame(columns=list(ANSWER_LEDGER)),
        "images": images,
        "photos": pd.DataFrame(
            {"image_id": [*tests, "broken.jpg"][::-1], "split": "test", "position": range(TEST + 1)}
        ),
        "rejected_images": pd.DataFrame({"image_id": ["broken.jpg"], "split": "test", "reason": "cut off"}),
        "params:members": Members.model_validate({"main": main, "kernel": {"kind": "kernel"}}),
        "params:specialists": SpecialistParameters(),
        "params:augmentation": AugmentationParameters.model_validate(
            {"per_class": 1, "recipe": "none", "recipes": {"none": []}, "validation_copies": 1}
        ),
        "params:ensembling": PARAMETERS,
        "params:reporting": REPORTING,
        "params:seed": 0,
        "reference": Reference({"training": {}, "test_like": {}}, *np.zeros((3, CLASSES))),
        **{f"fold_{fold}_novelty": NoveltyIndex((), np.zeros(0)) for fold in range(FOLDS)},
    }


WEIGHING = create_training(FOLDS).only_nodes("training.select_ensemble", "training.vote_generally")
"""How much each member counts is the last that the stage before finds out."""


def only(*names: str) -> Pipeline:
    return create_pipeline(FOLDS).only_nodes(*(f"ensembling.{name}" for name in names))


@pytest.fixture(scope="module")
def made(given: dict[str, Any]) -> dict[str, Any]:
    """What the stage leaves; its answers are those of its votes, since no member lies on disk that could be asked."""
    known = run_stage(WEIGHING + only(*FIRST), given)
    votes = known["ensemble"].vote_on(given["test_predictions"])
    facts = {"class_name": "a", "needs_review": votes["confidence"] < known["abstention"]["threshold"], "why": ""}
    answers = votes.rename(columns={"predicted": "target"}).assign(**facts, novelty=np.nan)
    known["test_probabilities"] = answers[[*ANSWERS, *(f"p_{target}" for target in range(CLASSES))]]
    return run_stage(only(*LAST), known)


def test_the_ensemble_holds_what_was_fitted_and_is_forecast_to_score_what_the_run_says(made: dict[str, Any]) -> None:
    manifest = made["ensemble"].manifest
    assert manifest.decisions.calibration == Calibration.from_record(made["calibration"]["test"])
    assert manifest.decisions.calibration != made["draft_ensemble"].manifest.decisions.calibration
    assert manifest.decisions.threshold == made["abstention"]["threshold"] > 0
    verdicts = pd.DataFrame(columns=list(VERDICTS))
    scores = score_run(made["oof_votes"], verdicts, made["submission"], made["forecast"], None, REPORTING, 0)
    assert manifest.forecast == scores["validation"]["test_like"]


def test_the_ensemble_has_every_member_of_every_fold_by_its_checkpoint(made: dict[str, Any]) -> None:
    members = {(member.name, member.fold, member.key) for member in made["ensemble"].manifest.members}
    assert members == {(name, fold, f"{name}_{fold}") for name in MODELS for fold in range(FOLDS)}


def test_answers_are_the_votes_calibrated_and_calibration_changes_no_answer(made: dict[str, Any]) -> None:
    votes, answers = made["uncalibrated_test_votes"], made["test_probabilities"]
    assert votes["image_id"].tolist() == answers["image_id"].tolist()
    assert votes["predicted"].tolist() == answers["target"].tolist()
    assert not np.allclose(votes["confidence"], answers["confidence"])


def test_every_validation_page_is_answered_once_by_the_members_that_have_not_learnt_it(made: dict[str, Any]) -> None:
    votes = made["oof_votes"]
    assert len(votes) == 2 * SOURCES
    assert votes["render_id"].is_unique
    held_out = made["folds"].set_index("image_id")["fold"]
    assert votes["fold"].tolist() == held_out[votes["image_id"]].tolist()


def test_specialists_are_judged_against_what_the_members_answer_together(made: dict[str, Any]) -> None:
    """No specialist being there, that is what is answered, to the last bit but for the calibration."""
    votes = made["general_oof_votes"].sort_values(["condition", "render_id"], ignore_index=True)
    columns = [f"p_{target}" for target in range(CLASSES)]
    pd.testing.assert_frame_equal(votes[columns], made["uncalibrated_oof_votes"][columns], check_exact=True)
    assert votes["fold"].tolist() == made["uncalibrated_oof_votes"]["fold"].tolist()
    assert not np.allclose(votes[columns], mean_over_members(made["oof_members"])[columns])


def test_what_the_mean_is_worth_is_measured_of_all_folds_together(made: dict[str, Any]) -> None:
    assert made["forecast"]["ensemble_gain"]["members"] == FOLDS
    assert 0 < made["forecast"]["ensemble_gain"]["macro_f1"] < 0.3
    alone = made["fold_test_votes"].groupby("fold").size()
    assert alone.to_dict() == dict.fromkeys(range(FOLDS), TEST)


def test_the_submission_has_every_photo_in_its_order_and_the_unreadable_one_is_listed(made: dict[str, Any]) -> None:
    submission = made["submission"].set_index("ID")["target"]
    assert submission.index.tolist() == made["photos"]["image_id"].tolist()
    assert submission["broken.jpg"] == made["ensemble"].manifest.fallback
    answers = made["test_probabilities"].set_index("image_id")["target"]
    assert submission.drop("broken.jpg").to_dict() == answers.to_dict()
    pd.testing.assert_frame_equal(made["submissions"], made["submission"])
    unsure = made["test_probabilities"].loc[made["test_probabilities"]["needs_review"], "image_id"]
    assert set(made["needs_review"]["image_id"]) >= {"broken.jpg"}
    assert len(made["needs_review"]) <= len(unsure) + 1


def test_weights_that_are_given_are_those_that_the_ensemble_holds(given: dict[str, Any]) -> None:
    parameters = PARAMETERS.model_copy(update={"weights": {"main": 3.0, "kernel": 1.0}})
    steps = WEIGHING + only("choose_decisions", "assemble_ensemble")
    known = run_stage(steps, {**given, "params:ensembling": parameters})
    plan = known["draft_ensemble"].manifest.decisions.plan
    assert plan == replace(plan, weights={"main": 3.0, "kernel": 1.0})
