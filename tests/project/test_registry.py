"""The table of contents: what it lists, and that listing it costs next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from docsort.folds import FOLD_COUNT
from docsort.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[2]
STAGES = ("ingestion", "cleaning", "augmentation", "training", "specialists", "ensembling", "reporting")
APART = ("predict", "label_review")
"""In no sum: for a person, when a person asks for it."""
HEAVY = (
    "torch",
    "timm",
    "lightning",
    "mlflow",
    "albumentations",
    "augraphy",
    "numba",
    "sklearn",
    "scipy",
    "matplotlib",
    "starlette",
    "uvicorn",
)

LIST_AND_REPORT = f"""
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "registry", "list"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("HEAVY:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def test_every_stage_and_every_sum_is_there() -> None:
    assert set(register_pipelines()) == {*STAGES, *APART, "train", "__default__"}


def test_the_sums_are_the_sums_of_their_stages() -> None:
    pipelines = register_pipelines()
    assert set(pipelines["train"].nodes) == {n for name in STAGES[:5] for n in pipelines[name].nodes}
    assert set(pipelines["__default__"].nodes) == {n for name in STAGES for n in pipelines[name].nodes}


@pytest.mark.parametrize("fold", range(FOLD_COUNT))
def test_each_fold_is_a_box_in_the_box_of_its_stage(fold: int) -> None:
    nodes = register_pipelines()["training"].only_nodes_with_namespaces([f"training.fold_{fold}"]).nodes
    assert {node.name for node in nodes} == {
        f"training.fold_{fold}.{step}" for step in ("fit_members", "predict_validation")
    }


def test_every_node_is_in_the_box_of_its_stage() -> None:
    for name in STAGES:
        nodes = register_pipelines()[name].nodes
        assert {str(node.namespace).partition(".")[0] for node in nodes} == {name}
        assert {frozenset(node.tags) for node in nodes} == {frozenset({name})}


def test_new_photos_are_answered_by_the_newest_ensemble_and_nothing_of_the_training_is_written() -> None:
    pipelines = register_pipelines()
    predict, learning = pipelines["predict"], pipelines["__default__"]
    assert predict.all_outputs().isdisjoint(learning.datasets())
    stores = {"page_store", "prediction_store"}
    assert predict.inputs() == {"params:source", "last_raw_location", "ensemble", "answer_fixes"} | stores


def test_what_a_person_says_of_answers_reaches_the_sheet_and_neither_the_forecast_nor_the_models_own_score() -> None:
    learning = register_pipelines()["__default__"]
    assert "answer_fixes" in learning.to_outputs("submission").inputs()
    for name in ("forecast", "ensemble", "calibration", "test_probabilities", "confidence_scores"):
        assert "answer_fixes" not in learning.to_outputs(name).inputs(), name


def test_every_way_into_training_goes_through_the_leak_check() -> None:
    for node in register_pipelines()["train"].nodes:
        if "training_renders" in node.inputs and node.outputs != ["leak_report"]:
            assert "leak_report" in node.inputs, node.name


def test_only_the_scoring_nodes_know_where_the_answer_key_is() -> None:
    readers = [node for node in register_pipelines()["__default__"].nodes if "raw_location" in node.inputs]
    assert {node.func.__name__ for node in readers} == {
        "list_photos",
        "score_confidences",
        "score_run",
        "tabulate_classes",
    }


def test_listing_the_pipelines_imports_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIST_AND_REPORT], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "HEAVY: []" in result.stdout
    assert all(name in result.stdout for name in (*STAGES, *APART))


def test_a_node_is_at_most_twenty_lines() -> None:
    import ast

    for path in (ROOT / "src/docsort/pipelines").rglob("nodes.py"):
        for item in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(item, ast.FunctionDef):
                length = item.end_lineno - item.body[0].lineno + 1  # type: ignore[operator]
                assert length <= 20, f"{path.parent.name}.{item.name} has {length} lines"
