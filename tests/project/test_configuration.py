"""Every environment's parameters and catalog, as Kedro reads them."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Node, Pipeline
from kedro.validation.parameter_validator import ParameterValidator

from docsort.cli import sentence_of
from docsort.errors import InputError
from docsort.folds import MOST_FOLDS
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


def layers_above(pipeline: Pipeline, layers: Mapping[str, str | None]) -> dict[str, set[str]]:
    """Which layers data of a layer comes from, through datasets of no layer too, as kedro-viz counts."""
    layer_nodes: dict[str, set[str]] = {name: set() for name in pipeline.datasets()}
    for node in pipeline.nodes:
        for made in node.outputs:
            layer_nodes[made] |= set(node.inputs)
    above: dict[str, set[str]] = {layer: set() for layer in layers.values() if layer}
    for name in TopologicalSorter(layer_nodes).static_order():
        for given in list(layer_nodes[name]):
            layer_nodes[name] |= layer_nodes[given]  # all that it comes from, since the order is that of the data
        if layer := layers.get(name):
            above[layer] |= {other for given in layer_nodes[name] if (other := layers.get(given)) and other != layer}
    return above


@pytest.fixture(scope="module")
def layers() -> dict[str, str | None]:
    bootstrap_project(ROOT)
    configure_project("docsort")
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
    names = {name for pipeline in register_pipelines().values() for name in pipeline.datasets()}
    metadata = {name: catalog.get(name).metadata or {} for name in names if not name.startswith("params:")}
    return {name: told.get("kedro-viz", {}).get("layer") for name, told in metadata.items()}


@pytest.mark.parametrize("name", sorted(register_pipelines()))
def test_kedro_viz_can_draw_the_layers_one_below_the_other(name: str, layers: dict[str, str | None]) -> None:
    """kedro-viz drops all layers where data flows from a layer to another and back."""
    above = layers_above(register_pipelines()[name], layers)
    assert set(TopologicalSorter(above).static_order()) == set(above)  # raises CycleError for a circle


def test_layers_that_go_in_a_circle_through_a_dataset_of_none_are_seen() -> None:
    turn = Pipeline([Node(len, "a", "b", name="one"), Node(len, "b", "c", name="two")])
    assert layers_above(turn, {"a": "x", "b": None, "c": "x"}) == {"x": set()}
    assert layers_above(turn, {"a": "x", "b": None, "c": "y"}) == {"x": set(), "y": {"x"}}
    circle = layers_above(turn, {"a": "x", "b": "y", "c": "x"})
    with pytest.raises(CycleError, match="nodes are in a cycle"):
        list(TopologicalSorter(circle).static_order())


def test_every_dataset_has_a_layer_but_the_stores(layers: dict[str, str | None]) -> None:
    without = {name for name, layer in layers.items() if layer is None}
    assert without == {
        "raw_store",
        "sample_store",
        "page_store",
        "fit_store",
        "render_store",
        "checkpoint_store",
        "prediction_store",
    }


def test_there_is_a_number_for_every_fold_that_there_can_be() -> None:
    assert load("base")["parameters"]["fold_numbers"] == {f"fold_{fold}": fold for fold in range(MOST_FOLDS)}


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
    assert parameters["members"]["main"]["backbone"] == "lcnet_035"
    assert parameters["members"]["main"]["pretrained"] == "w.pth"
    assert catalog["submission"]["filepath"] == "/x/07_model_output/submission.csv"
    assert catalog["scores"]["filepath"] == "/x/08_reporting/scores.json"


def test_an_environment_changes_only_what_it_names() -> None:
    base, smoke = (load(env)["parameters"]["members"]["main"] for env in ("base", "smoke"))
    assert smoke["batch_size"] != base["batch_size"]
    assert smoke["optimizer"] == base["optimizer"]


def test_a_misspelt_parameter_is_refused_by_name() -> None:
    parameters = load("base")["parameters"]
    parameters["members"]["main"]["epocs"] = 3
    with pytest.raises(Exception, match="epocs"):
        ParameterValidator(register_pipelines()).validate_raw_params(parameters)


def test_a_misspelt_run_parameter_is_refused_before_work_starts() -> None:
    bootstrap_project(ROOT)
    session = KedroSession.create(ROOT, runtime_params={"bakbone": "resnet18"})
    with session, pytest.raises(InputError, match="backbone"):
        session.load_context()


def read(**runtime_params: Any) -> dict[str, Any]:
    """The parameters of the smoke environment, as a run reads and checks them."""
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="smoke", runtime_params=runtime_params) as session:
        return session.load_context().params


def test_a_member_is_switched_off_and_another_added_on_the_command_line() -> None:
    members = read(members={"kernel": {"enabled": False}, "second": {"like": "main", "backbone": "resnet10t"}})[
        "members"
    ]
    assert {name: member.kind for name, member in members} == {
        "main": "network",
        "probe": "probe",
        "second": "network",
    }
    assert (members["second"].backbone, members["second"].epochs) == ("resnet10t", members.main.epochs)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {"main": {"epochs": -1}},
            "Expected `members.main.epochs` to be a whole number of at least 0, but got -1; correct it in conf/",
        ),
        (
            {"main": {"epocs": 3, "lr": 1}},
            "there is no `members.main.epocs`; did you mean epochs, ",
        ),
        (
            {"second": {"kind": "foo"}},
            "Expected `members.second.kind` to be one of network, kernel, probe, slim_residual, grey, reading, but got "
            "'foo'.",
        ),
        (
            {"second": {"kind": "network"}},
            "Expected `members.second.backbone` to be given, but it is missing; add it in conf/ or --params.\n",
        ),
        ({"second": {"like": "nobody"}}, "Expected `members.second.like` to name another member, but got 'nobody'."),
        ({"kernel": False}, "Expected `members.kernel` to be a group of parameters, but got false."),
        (
            {"main": {"loss": {"cross_entropy": 0}}},
            "In `members.main.loss`: Expected at least one term of the loss to weigh more",
        ),
        ({"main": {"enabled": False}}, "Expected `members.main` to be there, enabled, and of the kind network."),
        ({"Kernel": {"kind": "kernel"}}, "Expected names of members of small letters, digits and _, that do not begin"),
        ({"specialist_a": {"kind": "kernel"}}, "that do not begin with specialist, but got specialist_a."),
    ],
)
def test_members_that_cannot_be_are_refused_in_plain_words(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match="members") as caught:
        read(members=members)
    told = sentence_of(caught.value)
    assert told is not None
    assert sentence in told
    assert [words for words in ("Value error", "[type=", "pydantic", "instantiate") if words in told] == []
