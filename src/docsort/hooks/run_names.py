"""What a run is called in MLflow: its data, its preset, its backbone, and what was set otherwise than in conf/base."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from docsort.errors import InputError, listing
from docsort.mlflow_entries import cut, flatten

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

RUN_NAME, RUN_TAGS = "MLFLOW_RUN_NAME", "MLFLOW_RUN_CONTEXT"
"""Environment: a name for the run, and tags for it as a JSON object; the second is a variable of MLflow's own."""

DEFAULT, ALL = "local", "__default__"
"""The environment and the pipeline of a run that names none."""

PLACES = frozenset(
    ("raw_dir", "data_root", "answer_key", "photos", "label_fixes", "answer_fixes", "reviewed_pages", "presets")
)
"""Settings that say where something lies."""
NAMED = frozenset(("layout", "preset", "backbone"))
"""Settings that stand in each name."""

NAMED_CHANGES = 4
"""Most changes that a name tells of."""
VALUE_LENGTH = 24
"""Characters of a value in a name."""


@dataclass(frozen=True)
class RunTitle:
    """dataset, source: the data's name and where it is. preset, backbone: with what is learnt. changes: settings other
    than those of conf/base by their dotted names, those of the command line first. named: those for a name. prefix: the
    environment and the pipelines, where they are not the usual ones.
    """

    dataset: str
    source: str
    preset: str
    backbone: str
    changes: Mapping[str, Any]
    named: Mapping[str, Any]
    prefix: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What MLFLOW_RUN_NAME says, else all of the title in one line."""
        told = [f"{_short(name)}={cut(value, VALUE_LENGTH)}" for name, value in self.named.items()]
        rest = len(told) - NAMED_CHANGES
        more = [f"{rest} more"] if rest > 0 else []
        said = [*self.prefix, self.dataset, self.preset, self.backbone, *told[:NAMED_CHANGES], *more]
        return os.environ.get(RUN_NAME) or " · ".join(said)

    def told_changes(self) -> str:
        """All changes in one line."""
        return ", ".join(f"{name}={value}" for name, value in self.changes.items())


def title_of(context: "KedroContext", pipelines: list[str]) -> RunTitle:
    """The title of a run of these pipelines."""
    loader: Any = context.config_loader
    given = dict(loader.runtime_params or {})
    settings, parameters = loader["globals"] | given, flatten(loader["parameters"])
    env = loader.env or DEFAULT
    changes = _changes(Path(str(loader.conf_source)), env, given, settings | parameters)
    shown = changes if env == DEFAULT else {name: changes[name] for name in flatten(given) if name in changes}
    return RunTitle(
        dataset=dataset_of(settings),
        source=str(settings.get("raw_dir") or settings.get("layout")),
        preset=str(settings.get("preset")),
        backbone=str(parameters.get("members.main.backbone")),
        changes=changes,
        named={name: value for name, value in shown.items() if name not in NAMED},
        prefix=tuple(name for name in ([] if env == DEFAULT else [env]) + _told_pipelines(pipelines)),
    )


def dataset_of(settings: Mapping[str, Any]) -> str:
    """The name of the folder of photos; `sample` of drawn ones."""
    folder = settings.get("raw_dir")
    return Path(str(folder)).expanduser().absolute().name if folder else str(settings.get("layout", "?"))


def given_tags() -> dict[str, str]:
    """Tags that MLFLOW_RUN_CONTEXT says. Raises InputError where that is no JSON object."""
    text = os.environ.get(RUN_TAGS)
    try:
        tags = json.loads(text) if text else {}
    except ValueError:
        tags = None
    if not isinstance(tags, dict):
        raise InputError(f'Expected {RUN_TAGS} to be tags as JSON, for example {{"team": "a"}}, but got {text!r}.')
    return {str(name): str(value) for name, value in tags.items()}


def _changes(conf: Path, env: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Every leaf that the command line or a file of the environment names and that is not what conf/base has."""
    written = [*flatten(given), *(name for tree in _trees(conf / env) for name in flatten(tree))]
    base: dict[str, Any] = {}
    for tree in _trees(conf / "base"):
        base |= flatten(tree)
    known = {name: values.get(name, flatten(given).get(name)) for name in dict.fromkeys(written)}
    return {
        name: value
        for name, value in known.items()
        if name not in PLACES and not name.startswith("presets.") and (name not in base or base[name] != value)
    }


def _trees(folder: Path) -> Iterator[dict[str, Any]]:
    """Parameters and globals as the YAML files of the folder have them, references as they are written."""
    for path in sorted(folder.rglob("*.yml")) if folder.is_dir() else ():
        place = path.relative_to(folder).as_posix()
        if place.startswith(("parameters", "globals")):
            tree = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
            yield {str(name): value for name, value in tree.items()} if isinstance(tree, dict) else {}


def _told_pipelines(names: list[str]) -> list[str]:
    return [listing(sorted(names), 3)] if names and names != [ALL] else []


def _short(name: str) -> str:
    """The last two parts of a dotted name."""
    return ".".join(name.split(".")[-2:])
