"""The hooks, driven as Kedro drives them, on a small pipeline with the catalog names of the real one."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node
from PIL import Image

from docsort.errors import InputError
from docsort.hooks import TrackingHooks
from docsort.runners import FoldRunner

VERSION = "2026-01-02T03.04.05.006Z"
HASHES = ["b" * 64, "a" * 64]


def list_images() -> pd.DataFrame:
    return pd.DataFrame({"image_id": ["1", "2"], "sha256": HASHES})


def train(images: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.25], "seconds": [3.0, 4.0], "note": ["a", "b"]})


def train_specialists(images: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"group": ["certificates", "plates"], "epoch": [1, 1], "train_loss": [0.5, 0.75]})


def report(*histories: pd.DataFrame) -> tuple[dict[str, Any], go.Figure, Image.Image, Image.Image]:
    scores = {"validation": {"macro_f1": 0.5, "folds": [0.25, 0.75]}, "classes": "two"}
    return scores, go.Figure(go.Bar(y=[1, 2])), Image.new("RGB", (8, 8)), Image.new("RGB", (9, 9))


def pipeline() -> Pipeline:
    return Pipeline(
        [
            node(list_images, None, "images", name="list_images"),
            *(node(train, "images", f"fold_{fold}_history", name=f"train_{fold}") for fold in range(2)),
            node(train_specialists, "images", "fold_1_specialist_histories", name="specialists"),
            node(
                report,
                ["fold_0_history", "fold_1_history", "fold_1_specialist_histories"],
                ["scores", "confusion_matrix", "gallery", "unsaved_gallery"],
                name="report",
            ),
        ]
    )


def catalog(folder: Path) -> DataCatalog:
    config = {
        "images": {"type": "pandas.CSVDataset", "filepath": str(folder / "images.csv"), "versioned": True},
        "fold_{i}_history": {"type": "pandas.CSVDataset", "filepath": str(folder / "fold_{i}.csv")},
        "scores": {"type": "json.JSONDataset", "filepath": str(folder / "scores.json"), "versioned": True},
        "gallery": {
            "type": "docsort.datasets.pictures.PictureDataset",
            "filepath": str(folder / "gallery.png"),
            "versioned": True,
        },
    }
    return DataCatalog.from_config(config, save_version=VERSION)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project, because MLflow needs seconds to create its database."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture
def tracked(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a pipeline with TrackingHooks as a session does, and gives its parent run."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DOCSORT_TRACKING", "on")

    def run(name: str, pipeline: Pipeline, catalog: DataCatalog) -> Any:
        manager = _create_hook_manager()
        manager.register(TrackingHooks())
        loader = {"parameters": {"training": {"epochs": 3, "classes": ["a", "b"]}, "seed": 7}}
        run_params = {"pipeline_names": [name], "run_id": VERSION, "env": "smoke", "tags": (), "runner": "<object>"}
        told = {"run_params": run_params, "pipeline": pipeline, "catalog": catalog}
        manager.hook.after_context_created(context=SimpleNamespace(project_path=project, config_loader=loader))
        manager.hook.before_pipeline_run(**told)
        try:
            result = FoldRunner(max_workers=2).run(pipeline, catalog, manager)
        except Exception as error:
            manager.hook.on_pipeline_error(error=error, **told)
        else:
            manager.hook.after_pipeline_run(run_result=result, **told)
        (found,) = [found for found in runs(project) if found.info.run_name == name]
        return found

    return run


def client(project: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{project / 'mlflow.db'}")


def runs(project: Path, query: str = "") -> list[Any]:
    experiment = client(project).get_experiment_by_name("docsort")
    return list(client(project).search_runs([experiment.experiment_id], query))


def test_parent_run_tells_what_was_run_on_what(tracked: Callable[..., Any], tmp_path: Path) -> None:
    run = tracked("parent", pipeline(), catalog(tmp_path))
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"validation.macro_f1": 0.5, "validation.folds.0": 0.25, "validation.folds.1": 0.75}
    assert run.data.params == {
        "training.epochs": "3",
        "training.classes": "['a', 'b']",
        "seed": "7",
        "kedro.run_id": VERSION,
        "kedro.env": "smoke",
    }
    expected = hashlib.sha256("\n".join(sorted(HASHES)).encode()).hexdigest()
    assert run.data.tags["data_fingerprint"] == expected
    assert run.data.tags["version_of.torch"]


def test_children_are_the_folds_and_specialists(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    parent = tracked("children", pipeline(), catalog(tmp_path)).info.run_id
    children = {run.info.run_name: run for run in runs(project, f"tags.mlflow.parentRunId = '{parent}'")}
    assert set(children) == {"fold_0", "fold_1", "specialist_certificates_fold_1", "specialist_plates_fold_1"}
    assert children["fold_0"].data.metrics == {"train_loss": 0.25, "seconds": 4.0}
    assert children["specialist_plates_fold_1"].data.tags["specialist"] == "plates"
    losses = client(project).get_metric_history(children["fold_1"].info.run_id, "train_loss")
    assert sorted((loss.step, loss.value) for loss in losses) == [(1, 0.5), (2, 0.25)]


def test_versions_are_noted_in_a_form_that_load_versions_takes(tracked: Callable[..., Any], tmp_path: Path) -> None:
    tags = tracked("versions", pipeline(), catalog(tmp_path)).data.tags
    assert {key: value for key, value in tags.items() if key.startswith("version.")} == {
        "version.load.images": VERSION,
        "version.save.images": VERSION,
        "version.save.scores": VERSION,
        "version.save.gallery": VERSION,
    }
    assert tags["load_versions"] == f"gallery:{VERSION},images:{VERSION},scores:{VERSION}"


def test_figures_are_artifacts(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    run = tracked("figures", pipeline(), catalog(tmp_path))
    names = {entry.path for entry in client(project).list_artifacts(run.info.run_id, "figures")}
    assert names == {"figures/confusion_matrix.html", "figures/gallery.png", "figures/unsaved_gallery.png"}


def test_a_stage_that_only_reads_the_images_has_their_fingerprint_too(
    tracked: Callable[..., Any], tmp_path: Path
) -> None:
    whole = tracked("writes images", pipeline(), catalog(tmp_path))
    stage = tracked("reads images", pipeline().only_nodes("train_0"), catalog(tmp_path))
    assert stage.data.tags["data_fingerprint"] == whole.data.tags["data_fingerprint"]
    assert stage.data.tags["version.load.images"] == VERSION


def test_a_failed_pipeline_is_marked_and_says_why(tracked: Callable[..., Any], tmp_path: Path) -> None:
    def fail(images: pd.DataFrame) -> None:
        raise InputError("Expected a page, but got none.")

    broken = Pipeline([node(list_images, None, "images"), node(fail, "images", "nothing", name="fail")])
    run = tracked("failed", broken, catalog(tmp_path))
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "InputError: Expected a page, but got none."
    assert run.data.tags["version.save.images"] == VERSION


def test_a_table_that_is_not_as_expected_ends_the_tracking_but_not_the_run(
    tracked: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = Pipeline([node(lambda: pd.DataFrame({"loss": [1.0]}), None, "fold_0_history", name="odd")])
    tracked("odd", odd, catalog(tmp_path))
    assert (tmp_path / "fold_0.csv").is_file()
    assert caplog.text.count("goes on without being tracked") == 1


def test_tracking_changes_nothing_that_is_written(tracked: Callable[..., Any], tmp_path: Path) -> None:
    folders = tmp_path / "with", tmp_path / "without"
    tracked("same", pipeline(), catalog(folders[0]))
    FoldRunner(max_workers=2).run(pipeline(), catalog(folders[1]))
    files = [{path.relative_to(at): path.read_bytes() for path in at.rglob("*") if path.is_file()} for at in folders]
    assert files[0] == files[1]
    assert len(files[0]) == 5


def test_switched_off_nothing_is_tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_TRACKING", "off")
    tracking = TrackingHooks()
    tracking.after_context_created(context=SimpleNamespace(project_path=tmp_path, config_loader={"parameters": {}}))
    tracking.before_pipeline_run(run_params={}, catalog=catalog(tmp_path))
    tracking.after_dataset_saved(dataset_name="scores", data={"a": 1})
    tracking.after_pipeline_run()
    assert list(tmp_path.iterdir()) == []
