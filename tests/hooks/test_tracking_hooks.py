"""The hooks, driven as Kedro drives them, on a small pipeline with the catalog names of the real one."""

import hashlib
import io
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
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

from docsort.errors import InputError, StoppedError
from docsort.hooks import TrackingHooks
from docsort.hooks.parameter_hooks import check_values
from docsort.hooks.run_names import RunTitle
from docsort.hooks.run_record import RunRecord
from docsort.members.checkpoints import HISTORY
from docsort.runners import FoldRunner
from docsort.tracking import Tracker, TrackingParameters
from docsort.training.parameters import LearningRate, TrainingParameters
from docsort.work.progress import Began, EpochRow, Job, followed, tell_kept

VERSION = "2026-01-02T03.04.05.006Z"
HASHES = ["b" * 64, "a" * 64]
RECIPE = TrainingParameters(
    backbone="lcnet_035",
    pretrained=False,
    image_size=32,
    epochs=2,
    patience=2,
    batch_size=8,
    learning_rate=LearningRate(scratch=0.003, pretrained=0.001),
)


def list_images() -> pd.DataFrame:
    return pd.DataFrame({"image_id": ["1", "2"], "sha256": HASHES, "split": ["train", "test"]})


def train(images: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.25], "seconds": [3.0, 4.0], "note": ["a", "b"]})


CONDITIONS = {"clean": {"macro_f1": 0.75}, "test_like": {"macro_f1": 0.25, "interval": [0.4, 0.62]}}
SCORES = {
    "expect": "Expect a macro-F1 of about 0.500",
    "validation": {"macro_f1": 0.51239, **CONDITIONS, "one_model": CONDITIONS},
    "test": {"macro_f1": 0.5},
    "gap": 0.01239,
    "review": {"test": {"answered": 0.125}},
}


def report(*histories: pd.DataFrame) -> tuple[dict[str, Any], go.Figure, Image.Image, Image.Image]:
    return SCORES, go.Figure(go.Bar(y=[1, 2])), Image.new("RGB", (8, 8)), Image.new("RGB", (9, 9))


def pipeline() -> Pipeline:
    return Pipeline(
        [
            node(list_images, None, "images", name="list_images"),
            *(node(train, "images", f"fold_{fold}_history", name=f"train_{fold}") for fold in range(2)),
            node(
                report,
                ["fold_0_history", "fold_1_history"],
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
            "type": "docsort.datasets.picture_dataset.PictureDataset",
            "filepath": str(folder / "gallery.png"),
            "versioned": True,
        },
    }
    return DataCatalog.from_config(config, save_version=VERSION)


class Loader(dict[str, Any]):
    """As much of Kedro's config loader as is asked."""

    runtime_params: Mapping[str, Any] = {"preset": "quick"}
    env = None

    def __init__(self, project: Path) -> None:
        super().__init__(
            globals={"layout": "sample", "raw_dir": None, "preset": "good"},
            parameters={"training": {"epochs": 3, "classes": ["a", "b"]}, "seed": 7},
        )
        self.conf_source = str(project / "conf")


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
        loader = Loader(project)
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
        (found,) = [found for found in runs(project) if found.info.run_name.startswith(f"{name} · ")]
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
    seconds = run.data.metrics.pop("seconds")
    assert 0 < seconds < 600
    assert run.data.metrics == {
        "forecast": 0.5124,
        "forecast_low": 0.4,
        "forecast_high": 0.62,
        "true_test": 0.5,
        "gap": 0.0124,
        "clean": 0.75,
        "test_like": 0.25,
        "answered_alone": 0.125,
    }
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
    assert (run.data.tags["dataset"], run.data.tags["interval"]) == ("sample", "0.400 – 0.620")
    assert run.info.run_name == "parent · sample · quick · None"
    assert run.data.tags["mlflow.note.content"].startswith("**Expect a macro-F1 of about 0.500**")
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("sample", expected[:8])
    assert json.loads(data.dataset.profile) == {"pages": 2, "train": 1, "test": 1}


def test_a_run_is_called_as_the_environment_says_and_has_its_tags(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_NAME", "night 7 · one of many")
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"queue": "night", "number": 7}')
    run = tracked("night 7", pipeline().only_nodes("list_images"), catalog(tmp_path))
    assert (run.info.run_name, run.data.tags["queue"], run.data.tags["number"]) == (
        "night 7 · one of many",
        "night",
        "7",
    )


def test_children_are_the_trainings_of_the_folds(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    parent = tracked("children", pipeline(), catalog(tmp_path)).info.run_id
    children = {run.info.run_name: run for run in runs(project, f"tags.mlflow.parentRunId = '{parent}'")}
    assert set(children) == {"fold_0", "fold_1"}
    assert children["fold_0"].data.metrics == {"train_loss": 0.25, "seconds": 4.0}
    losses = client(project).get_metric_history(children["fold_1"].info.run_id, "train_loss")
    assert sorted((loss.step, loss.value) for loss in losses) == [(1, 0.5), (2, 0.25)]


def test_a_specialist_is_a_child_that_says_of_which_group(
    tracked: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    special = replace(JOB, name="specialist_plates_fold_1")
    parent = tracked("specialist", played(tmp_path, lambda: None, special), catalog(tmp_path)).info.run_id
    children = {run.info.run_name: run.data for run in runs(project, f"tags.mlflow.parentRunId = '{parent}'")}
    tags = children["specialist_plates_fold_1"].tags
    assert (tags["specialist"], tags["fold"], "model" in tags) == ("plates", "1", False)


def test_a_fold_of_several_models_has_a_child_for_each(
    tracked: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    table = pd.DataFrame({"epoch": [1, 1, 2], "train_loss": [0.5, 0.75, 0.25], "model": ["main", "big", "main"]})
    several = Pipeline([node(lambda: table.assign(fold=0), None, "fold_0_history", name="several")])
    parent = tracked("several models", several, catalog(tmp_path)).info.run_id
    children = {run.info.run_name: run.data for run in runs(project, f"tags.mlflow.parentRunId = '{parent}'")}
    assert {name: data.metrics for name, data in children.items()} == {
        "fold_0": {"train_loss": 0.25},
        "big_fold_0": {"train_loss": 0.75},
    }
    assert {name: (data.tags["model"], data.tags["fold"]) for name, data in children.items()} == {
        "fold_0": ("main", "0"),
        "big_fold_0": ("big", "0"),
    }


JOB = Job("fold_0", "network", RECIPE.model_dump(mode="json"), seed=7, device="cpu", resumed=True)
ROWS = [{**dict.fromkeys(HISTORY, 0.5), "epoch": epoch, "gpu_memory_mb": math.nan} for epoch in (1, 2)]


def played(tmp_path: Path, then: Callable[[], None], job: Job = JOB) -> Pipeline:
    """A node that stands for a training: `then` is called between its two epochs."""

    def train() -> pd.DataFrame:
        with followed(job) as on_event:
            on_event(Began())
            on_event(EpochRow(ROWS[0]))
            then()
            on_event(EpochRow(ROWS[1]))
        return pd.DataFrame(ROWS).assign(fold=0)

    return Pipeline([node(train, None, "fold_0_history", name="train")])


def test_an_epoch_is_in_its_child_run_before_the_training_has_ended(
    tracked: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    found: list[Any] = []

    def look() -> None:
        deadline = time.monotonic() + 20
        while not found and time.monotonic() < deadline:
            now = runs(project, "tags.device = 'cpu' and tags.resumed = 'True'")
            found.extend(run for run in now if run.info.status == "RUNNING" and "train_loss" in run.data.metrics)

    parent = tracked("live", played(tmp_path, look), catalog(tmp_path)).info.run_id
    (during,) = found
    assert (during.info.run_name, during.data.tags["mlflow.parentRunId"]) == ("fold_0", parent)
    assert set(during.data.metrics) == set(HISTORY) - {"epoch", "gpu_memory_mb"}
    assert (during.data.params["backbone"], during.data.params["loss.cross_entropy"]) == ("lcnet_035", "1.0")
    (after,) = runs(project, f"tags.mlflow.parentRunId = '{parent}'")
    assert (after.info.run_id, after.info.status) == (during.info.run_id, "FINISHED")
    epochs = client(project).get_metric_history(after.info.run_id, "train_loss")
    assert sorted(entry.step for entry in epochs) == [1, 2]


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (InputError("No pages."), "FAILED", "InputError: No pages."),
        (StoppedError("fit was stopped."), "KILLED", None),
    ],
)
def test_a_training_that_ends_early_is_marked_in_its_child_run(
    tracked: Callable[..., Any], project: Path, tmp_path: Path, error: Exception, status: str, told: str | None
) -> None:
    def fail() -> None:
        raise error

    parent = tracked(f"a training is {status}", played(tmp_path, fail), catalog(tmp_path))
    assert parent.info.status == "FAILED"
    (child,) = runs(project, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert child.info.status == status
    assert child.data.tags.get("error") == told
    assert child.data.metrics["train_loss"] == 0.5


def test_a_kept_training_is_named_and_has_no_second_run(
    tracked: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    def keep() -> pd.DataFrame:
        tell_kept(JOB, ROWS)
        return pd.DataFrame(ROWS)

    kept = Pipeline([node(keep, None, "fold_0_history", name="keep")])
    parent = tracked("kept", kept, catalog(tmp_path))
    assert runs(project, f"tags.mlflow.parentRunId = '{parent.info.run_id}'") == []
    assert parent.data.tags["kept_trainings"] == "fold_0"


def test_a_run_hears_of_its_own_trainings_only(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    tracked("its own", pipeline(), catalog(tmp_path))
    before = len(runs(project))
    with followed(JOB) as on_event:
        on_event(Began())
    assert len(runs(project)) == before


def test_parameters_and_uncommitted_changes_are_artifacts(
    tracked: Callable[..., Any], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docsort.hooks.run_record.uncommitted_texts", lambda path: {"uncommitted.diff": f"+ in {path}"})
    run_id = tracked("artifacts", pipeline(), catalog(tmp_path)).info.run_id
    folder = Path(client(project).download_artifacts(run_id, "", str(tmp_path)))
    assert (folder / "parameters.yml").read_text() == ("training:\n  epochs: 3\n  classes:\n  - a\n  - b\nseed: 7\n")
    assert (folder / "uncommitted.diff").read_text() == f"+ in {project}"


def test_versions_are_noted_in_a_form_that_load_versions_takes(
    tracked: Callable[..., Any], project: Path, tmp_path: Path
) -> None:
    run = tracked("versions", pipeline(), catalog(tmp_path))
    assert json.loads(artifacts(project, run, tmp_path / "to")["results/dataset_versions.json"]) == {
        "load": {"images": VERSION},
        "save": {"images": VERSION, "scores": VERSION, "gallery": VERSION},
    }
    assert run.data.tags["load_versions"] == f"gallery:{VERSION},images:{VERSION},scores:{VERSION}"


def test_figures_are_artifacts(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    run = tracked("figures", pipeline(), catalog(tmp_path))
    logged = artifacts(project, run, tmp_path / "to")
    assert {name for name in logged if name.startswith("figures")} == {
        "figures/charts.html",
        "figures/gallery.png",
        "figures/unsaved_gallery.png",
    }
    page = logged["figures/charts.html"].decode()
    assert 'id="figure-confusion_matrix"' in page
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="?http', page)  # it is looked at without internet


def test_each_node_has_its_seconds(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    run = tracked("seconds", pipeline(), catalog(tmp_path))
    table = pd.read_csv(io.BytesIO(artifacts(project, run, tmp_path / "to")["results/node_seconds.csv"]))
    assert set(table["node"]) == {"list_images", "train_0", "train_1", "report"}
    assert table["seconds"].is_monotonic_decreasing


def test_a_stage_that_only_reads_the_images_has_their_fingerprint_too(
    tracked: Callable[..., Any], tmp_path: Path
) -> None:
    whole = tracked("writes images", pipeline(), catalog(tmp_path))
    stage = tracked("reads images", pipeline().only_nodes("train_0"), catalog(tmp_path))
    assert stage.data.tags["data_fingerprint"] == whole.data.tags["data_fingerprint"]
    assert stage.data.tags["load_versions"] == f"images:{VERSION}"


def test_a_failed_pipeline_is_marked_and_says_why(tracked: Callable[..., Any], tmp_path: Path) -> None:
    def fail(images: pd.DataFrame) -> None:
        raise InputError("Expected a page, but got none.")

    broken = Pipeline([node(list_images, None, "images"), node(fail, "images", "nothing", name="fail")])
    run = tracked("failed", broken, catalog(tmp_path))
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "InputError: Expected a page, but got none."
    assert run.data.tags["load_versions"] == f"images:{VERSION}"


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
    assert len(files[0]) == 6  # five, and the sum of the picture


def test_switched_off_nothing_is_tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_TRACKING", "off")
    tracking = TrackingHooks()
    tracking.after_context_created(context=SimpleNamespace(project_path=tmp_path, config_loader=Loader(tmp_path)))
    tracking.before_pipeline_run(run_params={}, catalog=catalog(tmp_path))
    tracking.after_dataset_saved(dataset_name="scores", data={"a": 1})
    tracking.after_pipeline_run()
    assert list(tmp_path.iterdir()) == []


def texts(folder: Path, *names: str) -> dict[str, dict[str, Any]]:
    """Catalog entries of texts and tables with a file."""
    kinds = {".csv": "table_dataset.TableDataset", ".html": "document_datasets.TextDataset"}
    return {
        Path(name).stem: {"type": f"docsort.datasets.{kinds[Path(name).suffix]}", "filepath": str(folder / name)}
        for name in names
    }


def artifacts(project: Path, run: Any, to: Path) -> dict[str, bytes]:
    """Contents of the files that are logged with a run, by name."""
    to.mkdir()
    folder = Path(client(project).download_artifacts(run.info.run_id, "", str(to)))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", ["HONGGILDONG", None])
def test_what_was_read_of_pages_is_never_logged(
    tracked: Callable[..., Any], project: Path, tmp_path: Path, words: str | None
) -> None:
    """Beside them a picture, a score and an answer sheet, which are; the words stand in every kind of data that
    reporting writes. Where there are none, the report is an artifact, too."""

    def read() -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any], Image.Image, pd.DataFrame]:
        lines = pd.DataFrame({"render_id": ["a~0"], "text": [words], "confidence": [0.5]})[: 1 if words else 0]
        sheet = pd.DataFrame({"ID": ["a"], "target": [1]})
        return lines, {"worth": {"member": words}}, SCORES, Image.new("RGB", (8, 8)), sheet

    def write(lines: pd.DataFrame) -> str:
        return f"<p>{' '.join(lines['text'])}</p>"

    kept = DataCatalog.from_config(
        texts(tmp_path, "reading_lines.csv", "report.html", "submission.csv"), save_version=VERSION
    )
    outputs = ["reading_lines", "reading", "scores", "gallery", "submission"]
    both = Pipeline([node(read, None, outputs, name="read"), node(write, "reading_lines", "report", name="write")])
    for name, part in {"read and write": both, "write alone": both.only_nodes("write")}.items():
        run = tracked(f"{name}, {'words' if words else 'none'}", part, kept)
        logged = artifacts(project, run, tmp_path / name)
        assert ("results/report.html" in logged) == (words is None)
        assert "parameters.yml" in logged
        if name == "read and write":
            assert run.data.metrics["true_test"] == 0.5
            assert {"figures/gallery.png", "results/submission.csv"} <= set(logged)
        if words is not None:
            assert words in (tmp_path / "report.html").read_text()
            assert run.data.tags["report"].startswith("not an artifact")
            assert [name for name, content in logged.items() if words.encode() in content] == []
            told = [*run.data.params.items(), *run.data.tags.items(), *run.data.metrics.items()]
            assert words not in str(told)
            assert words.encode() not in (project / "mlflow.db").read_bytes()


def test_results_are_artifacts(tracked: Callable[..., Any], project: Path, tmp_path: Path) -> None:
    config = texts(tmp_path, "needs_review.csv", "model_card.html", "unknown.csv")
    table = pd.DataFrame({"image_id": ["a"]})
    outputs = ["needs_review", "model_card", "unknown"]
    some = Pipeline([node(lambda: (table, "# Card", table), None, outputs, name="some")])
    run = tracked("results", some, DataCatalog.from_config(config, save_version=VERSION))
    logged = artifacts(project, run, tmp_path / "to")
    assert {name for name in logged if "/" in name} >= {"results/needs_review.csv", "results/model_card.html"}
    assert logged["results/model_card.html"] == b"# Card"


def answering(key: str) -> Any:
    """As much of an ensemble with a member that reads as is looked at before it is logged. key: of hashed n-grams."""
    facts = SimpleNamespace(reading=SimpleNamespace(wanted=SimpleNamespace(key=key)))
    member = SimpleNamespace(name="reading", key="0")
    return SimpleNamespace(manifest=SimpleNamespace(members=[member]), checkpoints={"0": facts})


@pytest.mark.parametrize(
    ("log_model", "key", "logged"),
    [("auto", "", False), ("auto", "f00", True), (True, "", True), (False, "f00", False)],
)
def test_an_ensemble_that_holds_words_is_logged_only_where_that_is_wished(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    log_model: Any,
    key: str,
    logged: bool,
) -> None:
    monkeypatch.setattr(
        "docsort.hooks.run_record.find_readers", lambda folds: {n: c for own in folds for n, c in own.items()}
    )
    calls: list[Any] = []
    tracker = Tracker(tmp_path)
    monkeypatch.setattr(tracker, "log_ensemble", lambda *arguments: calls.append(arguments))
    wished = TrackingParameters(log_model=log_model, registered_model="mine")
    record = RunRecord(tracker, catalog(tmp_path), wished, RunTitle("sample", "sample", "quick", "lcnet_035", {}, {}))
    record.read("images", list_images())
    ensemble = answering(key)
    record.written("ensemble", ensemble)
    fingerprint = hashlib.sha256("\n".join(sorted(HASHES)).encode()).hexdigest()
    expected = [(ensemble, "mine", {"data_fingerprint": fingerprint, "data_images": 2})]
    assert calls == (expected if logged else [])
    assert ("its member reading holds words" in caplog.text) == (log_model == "auto" and not logged)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"log_model": "always"}, "Expected `tracking.log_model` to be"),
        ({"registered_model": "a/b"}, "Expected `tracking.registered_model` to be"),
        ({"model": "x"}, "tracking"),
    ],
)
def test_what_cannot_be_said_of_tracking_is_refused_before_the_run(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_values({"tracking": wrong}, {}, {})
