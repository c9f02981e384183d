"""Every path into training goes through the leak check of the tables that are read, also when a stage runs alone."""

import ast
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

import docsort
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import LeakError
from docsort.folds import FOLD_COUNT, make_folds
from docsort.member_kinds import Members
from docsort.members.views import all_views
from docsort.pipeline_registry import register_pipelines
from docsort.pipelines.augmentation.nodes import check_leaks
from docsort.pipelines.specialists.nodes import fit_specialists, join_specialist_predictions
from docsort.pipelines.training.nodes import fit_members, join_predictions
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store
from docsort.training.parameters import EffortParameters

PIPELINES = register_pipelines()
TRAINERS = (fit_members, fit_specialists)
TABLES = ("folds", "training_renders", "validation_renders")


def data(folder: Path) -> dict[str, object]:
    """What lies on disk after an honest augmentation; the weights file does not exist, so that nothing can train."""
    ids = [f"i{number:02}" for number in range(30)]
    images = pd.DataFrame({"image_id": ids, "group": ids, "label": [number % 3 for number in range(30)]})
    folds = make_folds(images, 0)
    renders = folds.rename(columns={"image_id": "source_id"}).assign(
        copy=0, side=32, straighten=True, letterboxed=True, path=""
    )
    renders.insert(0, "render_id", renders["source_id"] + "~0")
    conditions = [
        renders.assign(condition=condition, render_id=renders["source_id"] + f"~{condition}")
        for condition in ("clean", "test_like")
    ]
    main = {
        "kind": "network",
        "backbone": "lcnet_035",
        "pretrained": str(folder / "none.safetensors"),
        "image_size": 32,
        "epochs": 1,
        "patience": 1,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
    }
    return {
        "clean_images": images,
        "folds": folds,
        "training_renders": renders,
        "validation_renders": pd.concat(conditions, ignore_index=True),
        "leak_report": {"leaks": 0},
        "classes": pd.DataFrame({"target": range(3), "class_name": ["a", "b", "c"]}),
        "checkpoint_store": Store(folder / "checkpoints"),
        "prediction_store": Store(folder / "predictions"),
        "params:seed": 0,
        "params:members": Members.model_validate({"main": main}),
        "params:specialists": SpecialistParameters(groups={"pair": [0, 2]}),
        "params:ensembling": EnsemblingParameters(),
        "params:effort": EffortParameters(),
        "training_plan": {"epochs": {}},
        "images": pd.DataFrame({"split": ["train"] * len(ids)}),
        **dict.fromkeys(("general_oof_votes", "oof_predictions"), pd.DataFrame()),
        "view_policy": {},
        "specialist_groups": pd.DataFrame({"group_name": ["pair"], "classes": ["0 2"]}),
        "promising_groups": pd.DataFrame({"group_name": ["pair"], "classes": ["0 2"]}),
        **{f"params:fold_numbers.fold_{fold}": fold for fold in range(FOLD_COUNT)},
        "members": [{}] * FOLD_COUNT,
    }


def run(pipeline: Pipeline, entries: dict[str, object]) -> None:
    SequentialRunner().run(pipeline, DataCatalog({name: MemoryDataset(value) for name, value in entries.items()}))


def trainers(pipeline: Pipeline) -> list[str]:
    return [node.name for node in pipeline.nodes if node.func in TRAINERS]


@pytest.mark.parametrize("name", ["train", "__default__"])
def test_the_check_reads_what_training_reads_and_comes_first(name: str) -> None:
    pipeline = PIPELINES[name]
    (check,) = (node for node in pipeline.nodes if node.func is check_leaks)
    assert set(TABLES) <= set(check.inputs)
    for trainer in trainers(pipeline):
        assert set(TABLES) <= set(pipeline.only_nodes(trainer).inputs())
        assert check in pipeline.to_nodes(trainer).nodes


@pytest.mark.parametrize("name", ["training", "specialists"])
def test_a_stage_alone_waits_for_the_report_of_a_check(name: str) -> None:
    assert "leak_report" in PIPELINES[name].inputs()


def test_these_are_all_the_ways_into_training() -> None:
    callers = set()
    root = Path(docsort.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "docsort.members.fitting":
                names = {alias.name for alias in node.names}
                callers |= {path.relative_to(root).as_posix()} if names & {"fit", "fit_all"} else set()
    assert callers == {"pipelines/training/nodes.py", "pipelines/specialists/nodes.py"}
    reached = [trainers(PIPELINES[name]) for name in ("training", "specialists")]
    assert [len(names) for names in reached] == [FOLD_COUNT, FOLD_COUNT]


ALONE = {
    "the stage, as far as its trainings": lambda name: PIPELINES[name].to_nodes(*trainers(PIPELINES[name])),
    "its trainings, past the node of the check": lambda name: PIPELINES[name].only_nodes(*trainers(PIPELINES[name])),
}


@pytest.mark.parametrize("alone", ALONE)
@pytest.mark.parametrize("name", ["training", "specialists"])
@pytest.mark.parametrize("table", ["training_renders", "validation_renders"])
def test_a_stage_alone_refuses_what_changed_since_the_report(name: str, alone: str, table: str, tmp_path: Path) -> None:
    """The report on disk is of other tables. The row that leaks is of a class that the specialist does not learn."""
    entries = data(tmp_path)
    renders = entries[table]
    assert isinstance(renders, pd.DataFrame)
    culprit = renders.index[renders["label"] == 1][0]
    renders.loc[culprit, "fold"] = (renders.loc[culprit, "fold"] + 1) % FOLD_COUNT
    with pytest.raises(LeakError, match=f"whose fold is not their source's: {renders.loc[culprit, 'render_id']};"):
        run(ALONE[alone](name), entries)
    assert not list(tmp_path.iterdir()), "nothing may be trained"


def join_specialists(folds: pd.DataFrame, *tables: pd.DataFrame) -> pd.DataFrame:
    """The first of two tables; the policy is what one turn needs."""
    record = {"policy": all_views((0,)).model_dump(mode="json")}
    return join_specialist_predictions(folds, record, pd.concat(tables), *tables)[0]


@pytest.mark.parametrize("join", [join_predictions, join_specialists])
def test_predictions_of_folds_that_were_dealt_anew_are_not_joined(join: object, tmp_path: Path) -> None:
    entries = data(tmp_path)
    folds, validation = entries["folds"], entries["validation_renders"]
    assert callable(join)
    assert isinstance(folds, pd.DataFrame)
    assert isinstance(validation, pd.DataFrame)
    pages = validation.rename(columns={"source_id": "image_id"}).assign(model="main", turn=0, scale=100, p_0=1.0)
    tables = [pages[pages["fold"] == fold] for fold in range(FOLD_COUNT)]
    assert len(join(folds, *tables)) == len(validation)
    assert join(folds, *[table.head(0) for table in tables]).empty
    moved = folds.assign(fold=folds["fold"].where(folds["image_id"] != "i07", FOLD_COUNT))
    with pytest.raises(LeakError, match="whose fold is not their source's: i07~clean, i07~test_like;"):
        join(moved, *tables)
