"""The whole graph, as a user runs it, and what it must leave behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from kedro_command import ROOT, Run, kedro

from docsort.ensembling.ensemble import Ensemble
from docsort.folds import FOLD_COUNT
from docsort.serving.classifier import load


def sample_folder(run: Run) -> Path:
    location = json.loads((run.data_root / "01_raw/raw_location.json").read_text())
    return Path(location["folder"])


def test_the_submission_has_a_row_for_every_test_photo_in_the_order_asked_for(smoke_run: Run) -> None:
    submission = pd.read_csv(smoke_run.data_root / "07_model_output/submission.csv")
    asked = pd.read_csv(sample_folder(smoke_run) / "sample_submission.csv")
    classes = pd.read_csv(sample_folder(smoke_run) / "meta.csv")
    assert submission.columns.tolist() == ["ID", "target"]
    assert submission["ID"].tolist() == asked["ID"].tolist()
    assert set(submission["target"]) <= set(classes["target"])


def test_the_ensemble_that_is_left_answers_the_test_photos_as_the_run_did(smoke_run: Run) -> None:
    """To the last bit, without what the run has cached: what was judged is what answers."""
    kept = smoke_run.data_root / "07_model_output/test_probabilities.parquet"
    answered = pd.read_parquet(max(kept.glob("*/test_probabilities.parquet")))
    photos = [sample_folder(smoke_run) / "test" / name for name in answered["image_id"]]
    ensemble = Ensemble.load(smoke_run.data_root / "06_models/ensemble")
    again = ensemble.answer(photos, answered["image_id"].tolist(), in_workers=False)
    texts = dict.fromkeys(("image_id", "class_name", "why"), str)
    pd.testing.assert_frame_equal(again.astype(texts), answered.astype(texts), check_exact=True)


def test_the_scores_hold_both_conditions_and_the_test(smoke_run: Run) -> None:
    scores = json.loads((smoke_run.data_root / "08_reporting/scores.json").read_text())
    validation = scores["validation"]
    assert validation["macro_f1"] == validation["test_like"]["macro_f1"]
    assert len(validation["per_fold"]) == FOLD_COUNT
    for condition in ("clean", "test_like"):
        low, high = validation[condition]["interval"]
        assert 0 <= low <= validation[condition]["macro_f1"] <= high <= 1
    assert scores["gap"] == pytest.approx(validation["macro_f1"] - scores["test"]["macro_f1"])


def test_the_damage_was_fitted_to_the_test_photos_and_the_mean_of_all_models_is_in_the_forecast(smoke_run: Run) -> None:
    damage = json.loads(max((smoke_run.data_root / "03_primary/fitted_damage.json").glob("*/*.json")).read_text())
    assert damage["test_images"] == 40
    assert set(damage["auc"]) == {"undamaged", "before", "after"}
    validation = json.loads((smoke_run.data_root / "08_reporting/scores.json").read_text())["validation"]
    assert validation["ensemble_gain"]["members"] == FOLD_COUNT
    terms = validation["forecast"]["terms"]
    assert set(terms) == {"ambiguity", "label_noise", "mean_gain", "test_shift"}
    assert terms["mean_gain"]["value"] == validation["ensemble_gain"]["macro_f1"]
    added = sum(term["value"] for term in terms.values())
    assert validation["macro_f1"] == pytest.approx(validation["one_model"]["test_like"]["macro_f1"] + added)


def test_confidences_are_told_with_what_they_are_worth_and_pages_below_the_threshold_are_listed(smoke_run: Run) -> None:
    scores = json.loads((smoke_run.data_root / "08_reporting/scores.json").read_text())
    told, truth = scores["calibration"]["validation"]["after"], scores["calibration"]["test"]
    assert told["nll"] < scores["calibration"]["validation"]["before"]["nll"] + 0.05
    assert truth["after"]["accuracy"] == truth["before"]["accuracy"]  # no answer has changed
    assert truth["after"]["nll"] < truth["before"]["nll"] + 0.05
    review = pd.read_csv(smoke_run.data_root / "07_model_output/needs_review.csv")
    unsure = review["reason"].str.startswith("confidence").sum()
    block = scores["review"]["test"]
    assert unsure == pytest.approx(block["pages"] * (1 - block["answered"]))


def test_the_test_score_is_what_the_answer_key_says(smoke_run: Run) -> None:
    from sklearn.metrics import f1_score

    submission = pd.read_csv(smoke_run.data_root / "07_model_output/submission.csv")
    truth = pd.read_csv(json.loads((smoke_run.data_root / "01_raw/raw_location.json").read_text())["answer_key"])
    pairs = truth.merge(submission, on="ID", suffixes=("_true", "_said"))
    scores = json.loads((smoke_run.data_root / "08_reporting/scores.json").read_text())
    expected = f1_score(pairs["target_true"], pairs["target_said"], average="macro", zero_division=0)
    assert scores["test"]["macro_f1"] == pytest.approx(expected, abs=1e-9)


def test_a_user_sees_no_warning_and_no_traceback(smoke_run: Run) -> None:
    assert "Warning" not in smoke_run.output
    assert "WARNING" not in smoke_run.output
    assert "Traceback" not in smoke_run.output
    assert "epoch" in smoke_run.output


def test_every_run_is_in_the_tracking_database(smoke_run: Run) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(smoke_run.tracking_uri)
    experiment = client.get_experiment_by_name("docsort")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(parents) == 1
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    names = {run.info.run_name for run in children}
    assert {f"fold_{fold}" for fold in range(FOLD_COUNT)} <= names
    assert {f"specialist_certificates_fold_{fold}" for fold in range(FOLD_COUNT)} <= names
    assert len(children) == len(names)
    assert all(run.info.status == "FINISHED" for run in runs)
    assert {"forecast", "forecast_low", "forecast_high", "true_test", "gap"} <= set(parents[0].data.metrics)
    assert parents[0].info.run_name == "smoke · sample · quick · lcnet_035"
    assert [data.dataset.name for data in parents[0].inputs.dataset_inputs] == ["sample"]
    assert parents[0].data.params["members.main.backbone"]
    assert "parameters.yml" in {entry.path for entry in client.list_artifacts(parents[0].info.run_id)}
    results = {
        entry.path.removeprefix("results/") for entry in client.list_artifacts(parents[0].info.run_id, "results")
    }
    assert results >= {"scores.json", "model_card.md", "report.html", "submission.csv", "needs_review.csv"}
    assert results >= {"validation_metrics.json", "fitted_damage.json", "candidates.csv", "node_seconds.csv"}


def test_the_ensemble_of_the_run_is_a_registered_model(smoke_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", smoke_run.tracking_uri)
    ensemble = Ensemble.load(smoke_run.data_root / "06_models/ensemble")
    registered = load("models:/docsort@in_use").ensemble
    assert registered.fingerprint() == ensemble.fingerprint()
    assert registered.manifest.forecast == ensemble.manifest.forecast
    assert registered.folder is not None
    assert smoke_run.data_root.parent / "mlruns" in registered.folder.parents


@pytest.mark.slow
def test_the_same_seed_gives_the_same_submission_byte_for_byte(smoke_run: Run, tmp_path: Path) -> None:
    parameters = f"data_root={tmp_path}/data"
    result = kedro("run", "--env", "smoke", "--params", parameters, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert result.returncode == 0, result.stdout
    again = (tmp_path / "data/07_model_output/submission.csv").read_bytes()
    assert again == (smoke_run.data_root / "07_model_output/submission.csv").read_bytes()


@pytest.mark.slow
def test_a_run_killed_in_training_goes_on_without_doing_anything_twice(tmp_path: Path) -> None:
    arguments = ["run", "--env", "smoke", "--pipeline", "train", "--params", f"data_root={tmp_path}/data"]
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = tmp_path / "data/06_models/checkpoints"
    pointers = tmp_path / "data/06_models"
    deadline = time.monotonic() + 300
    while not list(pointers.glob("fold_*_members.json")):
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "no fold was finished in five minutes"
        time.sleep(0.2)
    run.send_signal(signal.SIGKILL)
    run.wait(timeout=30)
    time.sleep(2)
    finished = {path: path.stat().st_mtime_ns for path in store.glob("*/complete.json")}
    renders = {path: path.stat().st_mtime_ns for path in (tmp_path / "data/05_model_input").rglob("*.jpg")}

    result = kedro(*arguments, "--only-missing-outputs", tracking_uri=uri)
    assert result.returncode == 0, result.stdout
    assert 0 < len(finished) < len(list(store.glob("*/complete.json")))
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert {path: path.stat().st_mtime_ns for path in renders} == renders
    assert all(list(pointers.glob(f"fold_{fold}_members.json/*/*.json")) for fold in range(FOLD_COUNT))


@pytest.mark.slow
def test_three_folds_with_pages_set_aside_that_nothing_learns_from(tmp_path: Path) -> None:
    parameters = f"data_root={tmp_path}/data,folds=3,holdout=0.2"
    result = kedro("run", "--env", "smoke", "--params", parameters, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert result.returncode == 0, result.stdout
    data = tmp_path / "data"
    aside = pd.read_csv(data / "03_primary/holdout.csv")
    groups = set(aside["group"].astype(str))
    tables = [path for kind in ("csv", "parquet") for path in data.rglob(f"*.{kind}") if path.is_file()]
    own = {"holdout", "holdout_pages", "grouped_images", "manifest"}  # the last: of every store of renders
    seen = {}
    for path in tables:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        if "group" in table.columns and path.stem not in own:
            seen[path.stem] = groups & set(table["group"].astype(str))
    assert set(seen) >= {
        "clean_images",
        "folds",
        "training_renders",
        "validation_renders",
        "oof_predictions",
        "oof_votes",
    }
    assert [name for name, shared in seen.items() if shared] == []
    records = [json.loads(path.read_text()) for path in (data / "06_models/checkpoints").glob("*/complete.json")]
    assert [record["name"] for record in records if groups & {str(group) for group in record["learnt_groups"]}] == []
    assert {record["name"] for record in records} >= {f"fold_{fold}" for fold in range(3)}
    scores = json.loads((data / "08_reporting/scores.json").read_text())
    assert len(scores["validation"]["per_fold"]) == 3
    assert scores["holdout"]["clean"]["n"] == len(aside)
    assert set(scores["holdout"]) == {"clean", "test_like"}
    assert "Set aside" in (data / "08_reporting/report.html").read_text()
    assert "set aside, test-like" in (data / "08_reporting/model_card.md").read_text()


def test_a_number_of_folds_that_cannot_be_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    parameters = f"data_root={tmp_path}/data,folds=11"
    result = kedro("run", "--env", "smoke", "--params", parameters, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert result.returncode == 1
    assert result.stdout.strip().endswith("Error: Expected `folds` to be a whole number from 3 to 10, but got 11.")
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "data").exists()
