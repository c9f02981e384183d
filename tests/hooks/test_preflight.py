"""What a run will need is checked before any work: only what it uses, and all that is wrong together."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline

from docsort.errors import InputError, StorageError
from docsort.folds import set_fold_count
from docsort.hooks.preflight import PreflightHooks, Run, check_run
from docsort.hooks.writers import how_to_make
from docsort.ingestion.parameters import SourceParameters
from docsort.members.member import Kind
from docsort.pipeline_registry import register_pipelines
from docsort.reading.kind import ReadingKind
from docsort.tables import ANSWER_LEDGER, LEDGER
from docsort.training.kind import NetworkKind

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The parameters that kinds are asked about; what a kind finds out is tested where the kind is."""
    found: list[Any] = []
    for kind in (Kind, NetworkKind):
        monkeypatch.setattr(kind, "check", lambda self, parameters: found.append(parameters))
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"photo")
    return tmp_path / "photos"


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """As the datasets `params:…` of the project have them."""
    bootstrap_project(ROOT)
    configure_project("docsort")
    with KedroSession.create(ROOT, env="smoke") as session:
        return {f"params:{name}": value for name, value in session.load_context().params.items()}


class Shelf:
    """A catalog of what is there. What stands there as an error is damaged."""

    def __init__(self, things: dict[str, Any]) -> None:
        self.things = things

    def get(self, name: str) -> Any:
        return SimpleNamespace(_filepath=f"/shelf/{name}", _optional=name.startswith(("last_", "run_facts")))

    def exists(self, name: str) -> bool:
        return name.endswith("_store") or (name in self.things and not isinstance(self.things[name], Exception))

    def load(self, name: str) -> Any:
        if isinstance(found := self.things.get(name, FileNotFoundError(name)), Exception):
            raise DatasetError(name) from found
        return found


Check = Callable[..., None]


@pytest.fixture
def check(parameters: dict[str, Any], tmp_path: Path) -> Check:
    """Checks a run of these pipelines. things: datasets that are there; the rest: `params:source`."""

    def check(names: str, things: dict[str, Any] | None = None, only_missing: bool = False, **source: Any) -> None:
        set_fold_count(5)
        read = SourceParameters(**{"layout": "class_folders", "raw_dir": "x", "answer_key": None} | source)
        columns = {"label_fixes": LEDGER, "answer_fixes": ANSWER_LEDGER}
        ledgers = {name: pd.DataFrame(columns=list(own)) for name, own in columns.items()}
        shelf = Shelf({**ledgers, **parameters, "params:source": read, **(things or {})})
        pipelines = register_pipelines()
        pipeline = sum((pipelines[name] for name in names.split(",")), Pipeline([]))
        check_run(Run(pipeline, shelf, source, tmp_path / "out", only_missing))  # type: ignore[arg-type]

    return check


def test_a_sound_run_passes_and_its_folder_is_there(
    check: Check, tmp_path: Path, photos: Path, asked: list[Any]
) -> None:
    check("__default__", raw_dir=str(photos))
    assert list((tmp_path / "out").iterdir()) == []
    assert [member.kind for member in asked] == ["network", "kernel"]


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_made(check: Check, tmp_path: Path) -> None:
    gone = {"raw_dir": str(tmp_path / "x"), "answer_key": str(tmp_path / "k.csv")}
    wrong = {"label_fixes": StorageError("Expected a ledger.")}
    with pytest.raises(InputError, match=r"Expected a ledger\.\n.*x is not there; .*\n.*k\.csv is not there;"):
        check("__default__", wrong, **gone)
    assert not (tmp_path / "out").exists()


def test_a_ledger_of_judged_pages_that_is_not_there_is_refused_before_any_work(
    check: Check, tmp_path: Path, photos: Path
) -> None:
    with pytest.raises(InputError, match=r"Expected a CSV file at .*fixes\.csv, but there is none"):
        check("__default__", raw_dir=str(photos), reviewed_pages=str(tmp_path / "fixes.csv"))


def test_an_answer_key_that_is_none_is_refused_before_anything_is_trained(
    check: Check, tmp_path: Path, photos: Path
) -> None:
    (tmp_path / "key.csv").write_text("ID,label\na,1\n")
    given = {"raw_dir": str(photos), "answer_key": str(tmp_path / "key.csv")}
    with pytest.raises(InputError, match=r"key\.csv.* target"):
        check("__default__", **given)
    check("ingestion", **given)  # which scores nothing


def test_only_what_a_run_trains_is_built(check: Check, photos: Path, asked: list[Any]) -> None:
    check("ingestion,cleaning", raw_dir=str(photos))
    assert asked == []
    check("ingestion,cleaning,augmentation,training", raw_dir=str(photos))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("names", "missing", "command"),
    [
        ("cleaning", r"classes \(/shelf/classes\), images", "`kedro run --pipeline ingestion` first"),
        ("training", "classes .* and 3 more", "`kedro run --pipelines ingestion,cleaning,augmentation` first"),
        ("specialists", "", "`kedro run --pipelines ingestion,cleaning,augmentation,training` first"),
        ("predict", "ensemble", "`kedro run` first"),
        ("reporting", "", "`kedro run` first"),
    ],
)
def test_what_other_pipelines_write_is_named_with_the_command(
    check: Check, tmp_path: Path, names: str, missing: str, command: str
) -> None:
    with pytest.raises(InputError, match=f"there is no {missing}.*; run {command}"):
        check(names)
    assert not (tmp_path / "out").exists()


def test_what_is_there_and_damaged_says_so_itself(check: Check) -> None:
    images = {"images": StorageError("Expected images.parquet to be as it was written."), "classes": pd.DataFrame()}
    with pytest.raises(InputError, match=r"^Expected images\.parquet to be as it was written\.$"):
        check("cleaning", images)


def test_where_only_missing_outputs_are_made_nothing_may_be_needed(check: Check) -> None:
    check("cleaning", only_missing=True)


def test_results_do_not_go_among_the_photos(check: Check, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="out is or lies in .*, which holds photos; name another"):
        check("ingestion", raw_dir=str(photos.parent))


def test_another_number_of_folds_than_the_data_was_dealt_into_is_refused(check: Check, photos: Path) -> None:
    dealt = pd.DataFrame({"fold": [0, 1, 2, 2]})
    there = dict.fromkeys(("classes", "images", "leak_report", "training_renders", "validation_renders"), 1)
    with pytest.raises(InputError, match="as the data was dealt into, 3, but `folds` is 5; set it to 3, or run"):
        check("training", {"folds": dealt, **there})
    check("training", {"folds": pd.DataFrame({"fold": range(5)}), **there})


def test_weights_and_views_that_there_are_not_are_refused_before_anything_is_trained(
    check: Check, parameters: dict[str, Any], photos: Path
) -> None:
    ensembling = parameters["params:ensembling"]
    for change, sentence in (
        ({"weights": {"main": 1.0, "other": 2.0}}, "kernel, probe are missing and other are unknown"),
        ({"views": "first 3"}, "`ensembling.views` to be auto or one of first 1, .*, but got 'first 3'"),
    ):
        things = {"params:ensembling": ensembling.model_copy(update=change)}
        with pytest.raises(InputError, match=sentence):
            check("__default__", things, raw_dir=str(photos))
        check("ingestion", things, raw_dir=str(photos))
    sound = ensembling.model_copy(update={"weights": {"main": 1.0, "kernel": 2.0, "probe": 1.0}, "views": "first 1"})
    check("__default__", {"params:ensembling": sound}, raw_dir=str(photos))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Members with a reader of these parameters, for which there is no engine."""

    def no_engine(asked: Any) -> None:
        raise InputError("Expected an engine, but there is none.")

    monkeypatch.setattr("docsort.reading.kind.check_engine", no_engine)
    monkeypatch.setattr(ReadingKind, "check", lambda self, asked: no_engine(asked))
    members = parameters["params:members"]

    def make(**given: Any) -> dict[str, Any]:
        own = {**members.root, "reading": {"kind": "reading", **given}}
        return {"params:members": type(members).model_validate(own)}

    return make


def test_a_member_that_may_be_missing_is_left_out_with_a_line_and_one_that_may_not_is_refused(
    check: Check,
    photos: Path,
    reader: Callable[..., dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
    asked: list[Any],
) -> None:
    with pytest.raises(InputError, match="^Expected an engine, but there is none.$"):
        check("__default__", reader(), raw_dir=str(photos))
    with caplog.at_level("WARNING"):
        check("__default__", reader(optional=True), raw_dir=str(photos))
    assert caplog.messages == ["The member reading is left out: Expected an engine, but there is none."]
    assert "reading" not in {member.kind for member in asked}


def test_names_of_classes_are_looked_up_as_soon_as_classes_are_known(
    check: Check, reader: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docsort.reading.kind.check_engine", lambda asked: None)
    monkeypatch.setattr(ReadingKind, "check", lambda self, asked: None)
    names = ("clean_images", "folds", "fitted_damage", "holdout", "test_images", "images")
    there = dict.fromkeys(names, pd.DataFrame({"fold": range(5)}))
    classes = pd.DataFrame({"target": [3], "class_name": ["diagnosis"]})
    there |= {"classes": classes}
    check("augmentation", {**there, **reader(titles={"diagnosis": ["DIAGNOSIS"]})})
    with pytest.raises(InputError, match=r"name classes of the data, but got diagnoses; the classes are: 3 diagnosis"):
        check("augmentation", {**there, **reader(titles={"diagnoses": ["DIAGNOSIS"]})})


@pytest.mark.parametrize("make", [False, True])
def test_new_photos_are_there_where_their_folder_is_named(
    check: Check, tmp_path: Path, photos: Path, make: bool
) -> None:
    if make:
        (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match="Expected new photos in .*new, but it is"):
        check("predict", {"ensemble": 1}, photos=str(tmp_path / "new"), raw_dir=str(photos))
    check("predict", {"ensemble": 1}, photos=str(photos / "a"), raw_dir=str(photos))


def test_the_hook_knows_the_folder_for_results(parameters: dict[str, Any], tmp_path: Path) -> None:
    with KedroSession.create(ROOT, env="smoke", runtime_params={"data_root": str(tmp_path / "out")}) as session:
        context = session.load_context()
        hooks = PreflightHooks()
        hooks.after_context_created(context)
        hooks.before_pipeline_run({}, register_pipelines()["ingestion"], context.catalog)
    assert (tmp_path / "out").is_dir()


def test_the_command_for_what_nobody_writes_is_none(parameters: dict[str, Any]) -> None:
    assert how_to_make(["pages"]) is None
    assert how_to_make(["fold_0_members"]) == "`kedro run --pipeline training`"
    assert how_to_make(["images", "folds"]) == "`kedro run --pipelines ingestion,cleaning`"
