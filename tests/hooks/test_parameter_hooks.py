"""Parameters that nothing would read are refused: unknown ones of the command line, and old names anywhere."""

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from docsort.errors import InputError
from docsort.hooks.parameter_hooks import RENAMED, RUNTIME_NAMES, ParameterHooks, check_renamed
from docsort.pipeline_registry import register_pipelines
from docsort.settings import CONFIG_LOADER_ARGS


def test_runtime_names_are_those_that_the_configuration_reads() -> None:
    texts = [path.read_text() for path in (Path(__file__).parents[2] / "conf").rglob("*.yml")]
    read = {name for text in texts for name in re.findall(r"\$\{runtime_params:\s*(\w+)", text)}
    assert read == set(RUNTIME_NAMES)


@pytest.fixture(autouse=True)
def _no_pipelines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of parameters are checked by what the pipelines ask for; these groups are of no pipeline."""
    monkeypatch.setattr("kedro.framework.project.pipelines", {})


def refuse(tmp_path: Path, runtime_params: dict[str, Any], local: str = "cleaning: {}\n") -> OmegaConfigLoader:
    """Calls the hook on a project whose parameters have the groups `reporting`, `cleaning` and `cross_validation`."""
    base = """
        reporting: {draws: 3}
        cross_validation: {folds: "${runtime_params:folds, 5}"}
        root: ${runtime_params:seed, 0}
        seed: ${runtime_params:seed, 0}
    """
    for env, text in (
        ("base", textwrap.dedent(base)),
        ("local", local),
    ):
        (tmp_path / env).mkdir(parents=True)
        (tmp_path / env / "parameters.yml").write_text(text)
    loader = OmegaConfigLoader(tmp_path, base_env="base", default_run_env="local", runtime_params=runtime_params)
    ParameterHooks().after_context_created(context=SimpleNamespace(config_loader=loader))
    return loader


def test_settings_that_exist_pass_and_arrive(tmp_path: Path) -> None:
    given = {"seed": 5, "raw_dir": "photos", "reporting": {"draws": 9}, "cleaning": {"distance": 2}}
    parameters = refuse(tmp_path, given)["parameters"]
    assert parameters["reporting"] == {"draws": 9}
    assert parameters["root"] == 5


def test_settings_that_do_not_exist_are_refused_together_with_the_nearest_that_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"but got reportin, rawdir; did you mean reporting, raw_dir\?"):
        refuse(tmp_path, {"reportin": {"draws": 9}, "rawdir": "x", "seed": 5})


def test_a_preset_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    from docsort.hooks.parameter_hooks import check_preset

    presets = {"quick": {}, "good": {}}
    check_preset({"presets": presets, "preset": "good"})
    with pytest.raises(InputError, match="Expected `preset` to be one of quick, good, but got 'fast'"):
        check_preset({"presets": presets, "preset": "fast"})


def test_a_setting_like_no_other_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"but got zzz; known are answer_fixes, answer_key, backbone, .*straighten, time_limit\.",
    ):
        refuse(tmp_path, {"zzz": 1})


@pytest.mark.parametrize(("old", "now"), RENAMED.items())
def test_an_old_name_is_refused_with_the_present_one_wherever_it_is_given(
    tmp_path: Path, old: str, now: str | None
) -> None:
    given: Any = 1
    for part in reversed(old.replace("*", "second").split(".")):
        given = {part: given}
    told = f"{old} ({f'now {now}' if now else 'fixed now: remove it'})".replace("*", "second")
    message = rf"^Expected parameters by their present names, but got {re.escape(told)}[.,]"
    with pytest.raises(InputError, match=message):
        refuse(tmp_path / "params", given)
    with pytest.raises(InputError, match=message):
        refuse(tmp_path / "local", {}, yaml.safe_dump(given))


def test_all_old_names_are_named_together_and_one_that_became_a_constant_is_to_be_removed() -> None:
    renamed = {"a.b": "a.c", "a.d": None, "e": "f", "a.b.x": "y", "m.*.old": "m.*.new"}
    with pytest.raises(InputError, match=r"but got a\.b \(now a\.c\), a\.d \(fixed now: remove it\)\.$"):
        check_renamed({"a": {"b": 1, "d": 2, "c": 3}, "f": 4}, renamed)
    with pytest.raises(InputError, match=r"but got m\.x\.old \(now m\.x\.new\), m\.z\.old \(now m\.z\.new\)\.$"):
        check_renamed({"m": {"x": {"old": 1}, "y": {"new": 2}, "z": {"old": 3}}}, renamed)
    check_renamed({"a": {"c": 3}, "f": {"e": 4}, "m": {"old": 1}}, renamed)


def test_no_present_name_is_refused() -> None:
    root = Path(__file__).parents[2] / "conf"
    for text in (path.read_text() for path in root.rglob("*.yml")):
        check_renamed(yaml.safe_load(text) or {})
    fields = {now for now in RENAMED.values() if now}
    assert fields.isdisjoint(RENAMED)


@pytest.fixture
def _folds_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docsort.folds._fold_count", None)


@pytest.mark.usefixtures("_folds_as_before")
@pytest.mark.parametrize("count", [3, 10])
def test_the_pipelines_are_built_from_the_number_of_folds_that_the_parameters_say(tmp_path: Path, count: int) -> None:
    refuse(tmp_path, {"folds": count})
    pipelines = register_pipelines()
    for stage in ("training", "specialists", "ensembling"):
        folds = {node.namespace for node in pipelines[stage].nodes if "fold_" in str(node.namespace)}
        assert folds == {f"{stage}.fold_{fold}" for fold in range(count)}


@pytest.mark.usefixtures("_folds_as_before")
@pytest.mark.parametrize("count", [2, 11, 3.5, "abc", None, True])
def test_a_number_of_folds_that_cannot_be_is_refused_with_one_sentence(tmp_path: Path, count: Any) -> None:
    message = rf"^Expected `folds` to be a whole number from 3 to 10, but got {count!r}\.$"
    with pytest.raises(InputError, match=message):
        refuse(tmp_path, {"folds": count})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"seed": "abc"}, r"`seed` to be a whole number of at least 0, but got 'abc'"),
        ({"seed": True}, r"`seed` to be a whole number of at least 0, but got true"),
        (
            {"data_root": "/x/{b}"},
            r"In `data_root`: Expected a path without braces, .*, but got '/x/\{b\}'; use another",
        ),
        ({"folds": "abc"}, r"`folds` to be a whole number from 3 to 10, but got 'abc'"),
        ({"folds": None}, r"`folds` to be a whole number from 3 to 10, but got None"),
        ({"data_root": ""}, r"`data_root` to be text that is not empty, but got ''"),
        ({"data_root": None}, r"`data_root` to be text that is not empty, but got null"),
        ({"data_root": 7}, r"`data_root` to be text that is not empty, but got 7"),
        ({"label_fixes": ["a"]}, r"`label_fixes` to be text that is not empty, but got \['a'\]"),
        ({"data_root": "/x/${b}"}, r"--params without \$\{, which Kedro reads .*, but got data_root=/x/\$\{b\};"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        refuse(tmp_path, given)


def test_home_is_home_in_the_paths_that_only_the_catalog_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    given = {"data_root": "~/results", "label_fixes": "~/fixes.csv"}
    conf = str(Path(__file__).parents[2] / "conf")
    catalog = OmegaConfigLoader(conf, env="base", runtime_params=given, **CONFIG_LOADER_ARGS)["catalog"]
    assert catalog["label_fixes"]["filepath"] == "/home/someone/fixes.csv"
    assert catalog["submission"]["filepath"].startswith("/home/someone/results/")
