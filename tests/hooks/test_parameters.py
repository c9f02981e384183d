"""Settings on the command line that nothing would read are refused."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from docsort.errors import InputError
from docsort.hooks.parameters import RUNTIME_NAMES, ParameterHooks


def test_runtime_names_are_those_that_the_configuration_reads() -> None:
    texts = [path.read_text() for path in (Path(__file__).parents[2] / "conf").rglob("*.yml")]
    read = {name for text in texts for name in re.findall(r"\$\{runtime_params:\s*(\w+)", text)}
    assert read == set(RUNTIME_NAMES)


def refuse(tmp_path: Path, runtime_params: dict[str, Any]) -> OmegaConfigLoader:
    """Calls the hook on a project whose parameters have the groups `training` and `cleaning`."""
    for env, text in (
        ("base", "training: {epochs: 3}\nroot: ${runtime_params:seed, 0}\n"),
        ("local", "cleaning: {}\n"),
    ):
        (tmp_path / env).mkdir()
        (tmp_path / env / "parameters.yml").write_text(text)
    loader = OmegaConfigLoader(tmp_path, base_env="base", default_run_env="local", runtime_params=runtime_params)
    ParameterHooks().after_context_created(context=SimpleNamespace(config_loader=loader))
    return loader


def test_settings_that_exist_pass_and_arrive(tmp_path: Path) -> None:
    given = {"seed": 5, "raw_dir": "photos", "training": {"epochs": 9}, "cleaning": {"distance": 2}}
    parameters = refuse(tmp_path, given)["parameters"]
    assert parameters["training"] == {"epochs": 9}
    assert parameters["root"] == 5


def test_settings_that_do_not_exist_are_refused_together_with_the_nearest_that_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"but got trainig, rawdir; did you mean training, raw_dir\?"):
        refuse(tmp_path, {"trainig": {"epochs": 9}, "rawdir": "x", "seed": 5})


def test_a_setting_like_no_other_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"but got zzz; known are answer_key, backbone, cleaning, .*training\."):
        refuse(tmp_path, {"zzz": 1})
