"""`kedro run --pipeline predict`, after a whole run, as a user gives it: answers, and nothing else."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from kedro_command import Run, digests, kedro
from mlflow import MlflowClient

from docsort.ensembling.ensemble import Ensemble

MAY_CHANGE = ("07_model_output/new/", "07_model_output/predictions/")
"""Below data_root: what is answered, and what members are remembered to have said."""


def predict(run: Run, folder: Path, **params: object) -> tuple[str, pd.DataFrame | None, MlflowClient]:
    """What it prints, its answers if there are any, and its tracking."""
    uri = f"sqlite:///{folder}/mlflow.db"
    given = ",".join(f"{name}={value}" for name, value in {"data_root": run.data_root, **params}.items())
    result = kedro("run", "--env", "smoke", "--pipeline", "predict", "--params", given, tracking_uri=uri)
    answers = run.data_root / "07_model_output/new/answers.csv"
    return result.stdout, pd.read_csv(answers) if result.returncode == 0 else None, MlflowClient(uri)


def unchanging(run: Run) -> dict[str, str]:
    return {path: digest for path, digest in digests(run.data_root).items() if not path.startswith(MAY_CHANGE)}


@pytest.fixture
def photos(smoke_run: Run, tmp_path: Path) -> Path:
    """Nine photos of the test split under names that nothing has seen, and one that is cut off."""
    folder = tmp_path / "new photos"
    folder.mkdir()
    tests = sorted(next((smoke_run.data_root / "01_raw").rglob("test")).iterdir())
    for number, path in enumerate(tests[:10]):
        shutil.copy(path, folder / f"new {number}{path.suffix}")
    broken = folder / f"new 9{tests[9].suffix}"
    broken.write_bytes(broken.read_bytes()[:900])
    return folder


def test_ten_new_photos_are_answered_by_the_newest_ensemble_and_nothing_of_the_training_changes(
    smoke_run: Run, photos: Path, tmp_path: Path
) -> None:
    before = unchanging(smoke_run)
    output, answers, tracked = predict(smoke_run, tmp_path, photos=photos)
    assert answers is not None, output
    assert unchanging(smoke_run) == before
    assert any("06_models/checkpoints" in path for path in before), "there are trainings that could have changed"
    assert "epoch" not in output
    (parent,) = tracked.search_runs([tracked.get_experiment_by_name("docsort").experiment_id])
    assert "mlflow.parentRunId" not in parent.data.tags, "a training would be a child run"

    files = sorted(photos.iterdir())
    assert answers["image_id"].tolist() == [path.name for path in files]
    broken = answers.iloc[9]
    assert (broken["confidence"], broken["needs_review"], "unreadable" in broken["why"]) == (0, True, True)
    ensemble = Ensemble.load(smoke_run.data_root / "06_models/ensemble")
    assert answers["target"].tolist() == ensemble.answer(files)["target"].tolist()
    submission = pd.read_csv(smoke_run.data_root / "07_model_output/new/submission.csv")
    assert submission["target"].tolist() == answers["target"].tolist()


def test_another_folder_of_raw_data_is_answered_as_it_is_now(smoke_run: Run, photos: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    photos.rename(raw / "test")
    before = unchanging(smoke_run)
    output, answers, _ = predict(smoke_run, tmp_path, raw_dir=raw, layout="competition")
    assert answers is not None, output
    assert answers["image_id"].tolist() == sorted(path.name for path in (raw / "test").iterdir())
    assert unchanging(smoke_run) == before


def test_before_any_ensemble_is_there_the_user_is_told_what_to_run(
    smoke_run: Run, photos: Path, tmp_path: Path
) -> None:
    only_raw = Run(tmp_path / "data", smoke_run.tracking_uri, "", [])
    shutil.copytree(smoke_run.data_root / "01_raw", only_raw.data_root / "01_raw")
    output, answers, _ = predict(only_raw, tmp_path, photos=photos)
    assert answers is None
    assert "Error: Expected what this run begins with to be there, but there is no ensemble (" in output
    assert "; run `kedro run` first, or name another data_root." in output
    assert "Traceback" not in output
