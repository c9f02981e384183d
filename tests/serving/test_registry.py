"""An ensemble in MLflow's registry: the model that a run logs answers as the ensemble does, and has its names."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from docsort.commands.classifier import ENSEMBLE
from docsort.commands.main import docsort
from docsort.errors import DocsortError, InputError, StorageError
from docsort.mlflow_client import open_client
from docsort.serving import registry
from docsort.serving.classifier import Classifier, load
from docsort.tracking import FINISHED, Tracker

BROKEN = b"no picture"


@dataclass(frozen=True)
class Project:
    """A folder with MLflow's database, in which two runs have logged the same ensemble."""

    root: Path
    runs: tuple[str, str]

    @property
    def client(self) -> Any:
        return open_client(f"sqlite:///{self.root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, classifier: Classifier) -> Project:
    """MLflow needs seconds to create its database, so there is one."""
    root = tmp_path_factory.mktemp("a project")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracker, runs = Tracker(root), []
        for name in ("first", "second"):
            tracker.start(name, {}, {})
            runs.append(str(tracker.run_id))
            tracker.log_ensemble(classifier.ensemble, "docsort", {"data_images": 12})
            tracker.log_metrics({"validation.macro_f1": 0.5})
            assert tracker.run_id, "it failed"
            tracker.end(FINISHED)
    return Project(root, (runs[0], runs[1]))


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture(scope="module")
def photos(pages: Path) -> list[bytes]:
    return [(pages / f"{number}.png").read_bytes() for number in range(4)]


@pytest.fixture
def model(here: Project) -> Any:
    """What `mlflow.pyfunc.load_model` gives, in a process that has set MLflow to this database."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{here.root / 'mlflow.db'}")
    try:
        yield mlflow.pyfunc.load_model(f"models:/docsort@{registry.NEWEST}")
    finally:
        mlflow.set_tracking_uri(None)


def test_each_run_is_a_version_the_last_is_the_newest_and_the_first_stays_in_use(here: Project) -> None:
    versions = here.client.search_model_versions("name = 'docsort'")
    assert {int(version.version): version.run_id for version in versions} == dict(enumerate(here.runs, start=1))
    aliases = here.client.get_registered_model("docsort").aliases
    assert {name: int(version) for name, version in aliases.items()} == {registry.NEWEST: 2, registry.IN_USE: 1}


def test_a_version_tells_its_forecast_its_classes_and_what_it_is_of(here: Project, classifier: Classifier) -> None:
    version = here.client.get_model_version("docsort", "1")
    assert version.tags["macro_f1"] == "0.5000"
    assert "[0.400, 0.600]" in version.tags["forecast"]
    assert version.tags["fingerprint"] == classifier.ensemble.fingerprint()
    assert version.tags["data_images"] == "12"
    assert all(name in version.tags["classes"] for name in classifier.classes.values())
    assert version.description.startswith("macro-F1 0.500 [0.400, 0.600] on pages")
    assert "2 × main (network)" in version.description
    assert str(here.root) not in version.description + str(version.tags)


def test_the_model_of_a_run_has_its_scores_and_knows_its_version(here: Project) -> None:
    run = here.client.get_run(here.runs[1])
    (output,) = run.outputs.model_outputs
    model = here.client.get_logged_model(output.model_id)
    assert {metric.key: metric.value for metric in model.metrics} == {"validation.macro_f1": 0.5}
    assert run.data.metrics["validation.macro_f1"] == 0.5
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "docsort", "version": "2"}]


def test_the_files_of_the_members_are_linked_not_copied_and_nothing_is_pickled(
    here: Project, classifier: Classifier
) -> None:
    folder = registry.locate("models:/docsort/2")
    assert here.root in folder.parents
    checkpoints = classifier.ensemble.checkpoints
    weights = [path for path in folder.rglob("*.safetensors") if path.parent.name in checkpoints]
    assert len(weights) >= len(checkpoints)
    for path in weights:
        assert path.samefile(checkpoints[path.parent.name].folder / path.name)
    written = {path.suffix for path in folder.parents[1].rglob("*") if path.is_file()}
    assert written.isdisjoint({".pkl", ".pickle", ".pt", ".joblib"})
    assert not list(folder.parents[1].rglob("uv.lock")), "it names the hosts that it was resolved from"


@pytest.mark.parametrize("of", ["models:/docsort@in_use", "models:/docsort/2", "runs:/{0}/ensemble"])
def test_a_model_is_loaded_by_any_of_its_names(here: Project, classifier: Classifier, of: str) -> None:
    again = load(of.format(here.runs[0]))
    assert again.ensemble.fingerprint() == classifier.ensemble.fingerprint()
    assert again.forecast == classifier.forecast


def test_the_loaded_model_answers_as_the_ensemble_does_bit_for_bit(
    model: Any, classifier: Classifier, photos: list[bytes]
) -> None:
    expected = classifier.ensemble.answer(photos, ["a", "b", "c", "d"])
    answered = model.predict(pd.DataFrame({"page": photos, "name": ["a", "b", "c", "d"]}))
    pd.testing.assert_frame_equal(answered, expected, check_exact=True)
    unnamed = model.predict(pd.DataFrame({"page": [*photos, BROKEN]}))
    expected = classifier.ensemble.answer([*photos, BROKEN])
    assert expected.isna().any(axis=None), "the broken page has what is not measured"
    pd.testing.assert_frame_equal(
        unnamed.astype(object), expected.astype(object).where(expected.notna(), None), check_exact=True
    )


def test_the_scoring_server_of_mlflow_answers_as_the_ensemble_does_bit_for_bit(
    model: Any, classifier: Classifier, photos: list[bytes]
) -> None:
    from mlflow.pyfunc import scoring_server
    from starlette.testclient import TestClient

    sent = [*photos, BROKEN]
    records = [{"page": base64.b64encode(page).decode()} for page in sent]
    example = registry.locate("models:/docsort@newest").parents[1] / "serving_input_example.json"
    with TestClient(scoring_server.init(model)) as http:
        answer = http.post("/invocations", json={"dataframe_records": records})
        assert http.post("/invocations", json=json.loads(example.read_text())).status_code == 200
    assert answer.status_code == 200, answer.text
    told = json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["predictions"]
    expected = classifier.ensemble.answer(sent)
    assert told == expected.astype(object).where(expected.notna(), None).to_dict("records")


def test_commands_take_a_model_where_they_take_a_folder(
    here: Project, classifier: Classifier, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Classifier] = []
    monkeypatch.setattr("docsort.commands.predict._predict", lambda classifier, *_: asked.append(classifier))
    CliRunner().invoke(docsort, ["predict", str(pages / "0.png"), "--ensemble", "models:/docsort@in_use"])
    assert [own.ensemble.fingerprint() for own in asked] == [classifier.ensemble.fingerprint()]
    for arguments, environment in ((["models:/docsort/1"], {}), ([], {ENSEMBLE: f"runs:/{here.runs[1]}/ensemble"})):
        shown = CliRunner().invoke(docsort, ["inspect", *arguments], env=environment)
        assert "2 × main (network)" in shown.output


@pytest.mark.parametrize(
    ("of", "error", "sentence"),
    [
        ("models:/docsort@old", StorageError, "Expected models:/docsort@old to be a model that MLflow has at sqlite"),
        ("models:/nothing@in_use", StorageError, "Expected models:/nothing@in_use to be a model that MLflow has"),
        ("models:/docsort/7", StorageError, "Expected models:/docsort/7 to be a model that MLflow has"),
        ("runs:/0123/ensemble", StorageError, "Expected runs:/0123/ensemble to be a model that MLflow has"),
        ("runs:/{0}/other", StorageError, "but got LookupError: no model other of that run; correct the name"),
        ("models:/docsort", InputError, "Expected models:/NAME@alias, models:/NAME/VERSION or runs:/RUN/ensemble, but"),
    ],
)
def test_a_name_that_is_none_is_one_sentence(here: Project, of: str, error: type[DocsortError], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        load(of.format(here.runs[0]))


def test_where_there_is_no_database_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(docsort, ["inspect", "models:/docsort@in_use"])
    assert done.output.startswith("Error: Expected MLflow's database for models:/docsort@in_use at sqlite:///")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_none_of_ours_is_refused(here: Project, tmp_path: Path) -> None:
    experiment = here.client.get_experiment_by_name("docsort").experiment_id
    foreign = here.client.create_logged_model(experiment, "ensemble")
    with pytest.raises(StorageError, match="to be an ensemble that Docsort has logged, but there is none in file:"):
        load(f"models:/{foreign.model_id}")


def test_a_model_elsewhere_is_sent_and_fetched_once(
    here: Project, classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the artifacts are on a server: nothing is taken for a folder of this machine."""
    monkeypatch.setenv(registry.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_local", lambda location: None)
    tracker = Tracker(here.root)
    tracker.start("elsewhere", {}, {})
    tracker.log_ensemble(classifier.ensemble, None, {})
    run = tracker.run_id
    tracker.end(FINISHED)
    assert len(here.client.search_model_versions("name = 'docsort'")) == 2, "it is not registered without a name"
    fetched = load(f"runs:/{run}/ensemble")
    (folder,) = (tmp_path / "cache").iterdir()
    assert fetched.ensemble.folder == folder
    assert fetched.ensemble.is_whole()
    (model,) = here.client.get_run(run).outputs.model_outputs
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", lambda *_, **__: pytest.fail("fetched twice"))
    assert load(f"models:/{model.model_id}").ensemble.fingerprint() == classifier.ensemble.fingerprint()


def test_what_goes_wrong_with_the_model_ends_the_tracking_and_not_the_run(
    here: Project, classifier: Classifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(registry, "write_model", fail)
    tracker = Tracker(here.root)
    tracker.start("full", {}, {})
    run = tracker.run_id
    tracker.log_ensemble(classifier.ensemble, "docsort", {})
    assert tracker.run_id is None
    assert "the disk is full); this run goes on without being tracked" in caplog.text
    here.client.set_terminated(run, "FAILED")
    experiment = here.client.get_experiment_by_name("docsort").experiment_id
    models = here.client.search_logged_models([experiment], f"source_run_id = '{run}'")
    assert [str(model.status) for model in models] == ["FAILED"]
    assert int(here.client.get_registered_model("docsort").aliases[registry.NEWEST]) == 2


def test_a_person_moves_what_is_in_use(here: Project) -> None:
    told = CliRunner().invoke(docsort, ["use", "models:/docsort@newest"])
    assert told.output == "models:/docsort@in_use is version 2; it was version 1\n"
    assert int(here.client.get_registered_model("docsort").aliases[registry.IN_USE]) == 2
    assert registry.put_in_use("models:/docsort/1") == ("docsort", "2", "1")
    for wrong in ("models:/docsort/9", f"runs:/{here.runs[0]}/ensemble"):
        assert CliRunner().invoke(docsort, ["use", wrong]).exit_code == 1
    assert int(here.client.get_registered_model("docsort").aliases[registry.IN_USE]) == 1
