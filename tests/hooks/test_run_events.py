"""What became of each node, noted for kedro-viz while nodes run side by side, in the form that it reads."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro_viz.api.rest.responses.run_events import transform_events_to_structured_format
from kedro_viz.integrations.kedro.hooks_utils import hash_node

from docsort.errors import InputError
from docsort.hooks import RunEventHooks
from docsort.runners import FoldRunner


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.kedro]\npackage_name = "x"\nproject_name = "x"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(hooks: RunEventHooks, functions: dict[str, Callable[[int], Any]]) -> Pipeline:
    """Runs the functions side by side as Kedro's session does, all hooks called."""
    pipeline = Pipeline([node(function, "start", f"out_{name}", name=name) for name, function in functions.items()])
    catalog = DataCatalog({"start": MemoryDataset(1)})
    manager = _create_hook_manager()
    manager.register(hooks)
    given = {"pipeline_names": ["some"], "runner": "docsort.runners.FoldRunner"}
    manager.hook.after_catalog_created(
        catalog=catalog, conf_catalog={}, conf_creds={}, parameters={}, save_version="", load_versions={}
    )
    manager.hook.before_pipeline_run(run_params=given, pipeline=pipeline, catalog=catalog)
    try:
        result = FoldRunner(max_workers=2).run(pipeline, catalog, manager)
    except Exception as error:
        manager.hook.on_pipeline_error(error=error, run_params=given, pipeline=pipeline, catalog=catalog)
        raise
    manager.hook.after_pipeline_run(run_params=given, run_result=result, pipeline=pipeline, catalog=catalog)
    return pipeline


def status(project: Path) -> Any:
    return transform_events_to_structured_format(json.loads((project / ".viz/kedro_pipeline_events.json").read_text()))


def test_every_node_that_ran_has_its_outcome_whatever_ran_beside_it(project: Path) -> None:
    barrier = threading.Barrier(2)
    pipeline = run(RunEventHooks(), {name: lambda x: barrier.wait(20) + x for name in "abcd"})
    told = status(project)
    assert {key: node.status.value for key, node in told.nodes.items()} == {
        hash_node(node): "success" for node in pipeline.nodes
    }
    assert {data.name for data in told.datasets.values()} == {"start", "out_a", "out_b", "out_c", "out_d"}
    assert told.pipeline.status.value == "success"


def test_the_node_that_fails_is_the_one_that_is_told_and_no_dataset_is_blamed(project: Path) -> None:
    barrier = threading.Barrier(2)

    def wait(x: int) -> int:
        return barrier.wait(20) + x

    def fail(x: int) -> int:
        barrier.wait(20)
        raise InputError("Expected a good page, but got a bad one.")

    with pytest.raises(InputError, match="Expected a good page"):
        run(RunEventHooks(), {"a": wait, "b": fail})
    told = status(project)
    (failed,) = (node for node in told.nodes.values() if node.status.value == "failed")
    assert failed.error.message == "Expected a good page, but got a bad one."
    assert [data.name for data in told.datasets.values() if data.error] == []
    assert told.pipeline.status.value == "failed"


def test_the_file_tells_of_the_last_run_alone(project: Path) -> None:
    hooks = RunEventHooks()
    run(hooks, {"a": abs})
    pipeline = run(hooks, {"b": abs})
    assert list(status(project).nodes) == [hash_node(pipeline.nodes[0])]
