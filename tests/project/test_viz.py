"""kedro-viz: what the first screen draws, what it previews, and what it knows of the last run."""

from typing import Any

import pytest
from kedro_command import Run, viz
from kedro_viz.api.rest.responses.run_events import transform_events_to_structured_format
from kedro_viz.integrations.kedro.hooks_utils import hash_node

from docsort.pipeline_registry import register_pipelines

STAGES = {"ingestion", "cleaning", "augmentation", "training", "specialists", "ensembling", "reporting"}
ROOT_BOX = "__root__"
MOST_ELEMENTS = 75
"""On the first screen: boxes, and datasets that are read or written from outside one. It was 234 once."""
LAYERS = ["raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting"]


@pytest.fixture(scope="module")
def answers(smoke_run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the API says of every pipeline, and of the renders."""
    log = tmp_path_factory.mktemp("viz") / "viz.log"
    with viz(log, "--env", "smoke", "--params", f"data_root={smoke_run.data_root}") as get:
        graphs = {name: get(f"/api/pipelines/{name}") for name in register_pipelines()}
        renders = next(node for node in graphs["__default__"]["nodes"] if node["name"] == "training_renders")
        return {"graphs": graphs, "renders": get(f"/api/nodes/{renders['id']}"), "log": log.read_text()}


def drawn_at_first(graph: dict[str, Any]) -> tuple[set[str], int]:
    """The boxes of the first screen, and how many elements there are on it; parameters are hidden unless asked for."""
    children = graph["modular_pipelines"][ROOT_BOX]["children"]
    boxes = {child["id"] for child in children if child["type"] == "modularPipeline"}
    return boxes, sum(child["type"] != "parameters" for child in children)


def test_the_first_screen_has_seven_boxes_and_what_goes_between_them(answers: dict[str, Any]) -> None:
    graph = answers["graphs"]["__default__"]
    boxes, elements = drawn_at_first(graph)
    tasks = [child for child in graph["modular_pipelines"][ROOT_BOX]["children"] if child["type"] == "task"]
    assert boxes == STAGES
    assert tasks == []
    assert elements <= MOST_ELEMENTS


def test_folds_are_boxes_in_the_box_of_a_stage_and_on_no_first_screen(answers: dict[str, Any]) -> None:
    graph = answers["graphs"]["__default__"]
    inside = {child["id"] for child in graph["modular_pipelines"]["training"]["children"]}
    assert {f"training.fold_{fold}" for fold in range(5)} <= inside
    shown = {child["id"] for child in graph["modular_pipelines"][ROOT_BOX]["children"] if child["type"] == "data"}
    assert [node["name"] for node in graph["nodes"] if node["id"] in shown and "fold_" in node["name"]] == []


def test_every_pipeline_is_drawn_in_layers(answers: dict[str, Any]) -> None:
    assert answers["graphs"]["__default__"]["layers"] == LAYERS
    assert [name for name, graph in answers["graphs"].items() if not graph["layers"]] == []
    assert "circular" not in answers["log"]


def test_renders_are_previewed_as_a_contact_sheet(answers: dict[str, Any]) -> None:
    assert answers["renders"]["preview_type"] == "ImagePreview"
    assert len(answers["renders"]["preview"]) > 10_000


def test_the_workflow_tab_knows_what_became_of_every_node_of_the_last_run(smoke_run: Run) -> None:
    status = transform_events_to_structured_format(smoke_run.events)
    nodes = {hash_node(node): node.name for node in register_pipelines()["__default__"].nodes}
    outcomes = {nodes.get(key): told.status.value for key, told in status.nodes.items()}
    assert outcomes == dict.fromkeys(nodes.values(), "success")
    assert status.pipeline.status.value == "success"
    assert status.pipeline.duration > 0
