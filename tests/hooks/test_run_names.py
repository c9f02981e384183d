"""What a run is called, by settings that are written in a conf/ of its own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from docsort.errors import InputError
from docsort.hooks.run_names import RunTitle, given_tags, title_of

FILES = {
    "base/globals.yml": "{layout: sample, raw_dir: null, preset: quick, folds: 5, data_root: data, backbone: null}",
    "base/parameters/training.yml": "members: {main: {backbone: lite0, epochs: 0, folds: '${globals:folds}'}}\nseed: 0",
    "local/parameters.yml": "members: {main: {epochs: 3}}",
    "night/globals.yml": "{folds: 3, preset: quick}",
}


@pytest.fixture
def titled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("MLFLOW_RUN_NAME", raising=False)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def title(env: str | None = None, pipelines: tuple[str, ...] = (), **given: Any) -> RunTitle:
        loader = OmegaConfigLoader(
            str(tmp_path),
            env=env,
            runtime_params=given,
            base_env="base",
            default_run_env="local",
            merge_strategy={"parameters": "soft"},
        )
        return title_of(SimpleNamespace(config_loader=loader), list(pipelines))  # type: ignore[arg-type]

    return title


def test_data_preset_backbone_and_what_differs_from_the_defaults_stand_in_the_name(titled: Any) -> None:
    assert titled().name == "sample · quick · lite0 · main.epochs=3"
    told = titled(raw_dir="/photos/claims/", folds=7, data_root="elsewhere", members={"main": {"epochs": 4}})
    assert told.name == "claims · quick · lite0 · folds=7 · main.epochs=4"
    assert told.changes == {"folds": 7, "members.main.epochs": 4}
    assert told.source == "/photos/claims/"


def test_what_is_as_by_default_is_no_change(titled: Any) -> None:
    assert titled(folds=5, members={"main": {"epochs": 0}}).name == "sample · quick · lite0"


def test_another_environment_and_pipelines_are_named_first_and_what_it_sets_only_in_the_changes(titled: Any) -> None:
    told = titled("night", ("train",), seed=4)
    assert told.name == "night · train · sample · quick · lite0 · seed=4"
    assert told.told_changes() == "seed=4, folds=3"


def test_a_name_has_few_changes_and_short_ones(titled: Any) -> None:
    many = {f"setting_{number}": "x" * 99 for number in range(7)}
    told = titled("night", **many)
    assert told.name.count("xxx…") == 4
    assert told.name.endswith(" · 3 more")
    assert len(told.changes) == 8


def test_the_environment_has_the_last_word(titled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_NAME", "night 7")
    assert titled().name == "night 7"


@pytest.mark.parametrize("text", ["[1]", "queue=night", '"a"'])
def test_tags_that_are_no_object_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", text)
    with pytest.raises(InputError, match="Expected MLFLOW_RUN_CONTEXT to be tags as JSON"):
        given_tags()
