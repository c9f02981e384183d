"""Every environment's parameters and catalog, as Kedro reads them."""

from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.validation.parameter_validator import ParameterValidator

from docsort.errors import InputError
from docsort.folds import FOLDS
from docsort.pipeline_registry import register_pipelines
from docsort.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("base", "smoke", "competition")


def load(env: str, **runtime_params: Any) -> OmegaConfigLoader:
    return OmegaConfigLoader(str(ROOT / "conf"), env=env, runtime_params=runtime_params, **CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_environment_passes_the_parameter_models(env: str) -> None:
    runtime = {"raw_dir": "photos", "layout": "competition"} if env == "competition" else {}
    parameters = load(env, **runtime)["parameters"]
    ParameterValidator(register_pipelines()).validate_raw_params(parameters)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_dataset_of_every_pipeline_is_in_the_catalog(env: str) -> None:
    bootstrap_project(ROOT)
    configure_project("docsort")
    with KedroSession.create(ROOT, env=env, runtime_params={"raw_dir": ".", "layout": "competition"}) as session:
        catalog = session.load_context().catalog
    names = {name for pipeline in register_pipelines().values() for name in pipeline.datasets()}
    missing = [name for name in names if name not in catalog]
    assert missing == []


def test_kedro_viz_can_draw_the_layers_one_below_the_other() -> None:
    """kedro-viz drops all layers where data flows from a layer to another and back."""
    bootstrap_project(ROOT)
    configure_project("docsort")
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
    default = register_pipelines()["__default__"]
    layers = {
        name: catalog.get(name).metadata["kedro-viz"]["layer"]
        for name in default.datasets()
        if not name.startswith("params:")
    }
    above: dict[str, set[str]] = {layer: set() for layer in layers.values()}
    for node in default.nodes:
        for given in set(node.inputs) & layers.keys():
            for made in node.outputs:
                if layers[given] != layers[made]:
                    above[layers[made]].add(layers[given])
    assert set(TopologicalSorter(above).static_order()) == set(above)  # raises CycleError for a circle


def test_there_is_a_number_for_every_fold() -> None:
    assert load("base")["parameters"]["folds"] == {f"fold_{fold}": fold for fold in range(FOLDS)}


def test_what_a_user_gives_on_the_command_line_arrives() -> None:
    given = {
        "raw_dir": "p",
        "layout": "class_folders",
        "data_root": "/x",
        "backbone": "lcnet_035",
        "pretrained": "w.pth",
    }
    loader = load("base", **given)
    parameters, catalog = loader["parameters"], loader["catalog"]
    assert parameters["source"]["raw_dir"] == "p"
    assert parameters["source"]["layout"] == "class_folders"
    assert parameters["training"]["backbone"] == "lcnet_035"
    assert parameters["training"]["pretrained"] == "w.pth"
    assert catalog["submission"]["filepath"] == "/x/07_model_output/submission.csv"
    assert catalog["scores"]["filepath"] == "/x/08_reporting/scores.json"


def test_an_environment_changes_only_what_it_names() -> None:
    base, smoke = load("base")["parameters"]["training"], load("smoke")["parameters"]["training"]
    assert smoke["batch_size"] != base["batch_size"]
    assert smoke["optimizer"] == base["optimizer"]


def test_a_misspelt_parameter_is_refused_by_name() -> None:
    parameters = load("base")["parameters"]
    parameters["training"]["epocs"] = 3
    with pytest.raises(Exception, match="epocs"):
        ParameterValidator(register_pipelines()).validate_raw_params(parameters)


def test_a_misspelt_run_parameter_is_refused_before_work_starts() -> None:
    bootstrap_project(ROOT)
    session = KedroSession.create(ROOT, runtime_params={"bakbone": "resnet18"})
    with session, pytest.raises(InputError, match="backbone"):
        session.load_context()
