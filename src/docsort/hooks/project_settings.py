"""The settings of runs that are yet to be made, checked as `kedro run` checks them, and told whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docsort.errors import InputError
from docsort.hooks.parameter_hooks import ParameterHooks

LEDGERS = ("label_fixes", "answer_fixes")


@dataclass(frozen=True)
class RunSettings:
    """What `kedro run --params …` would have. parameters: all groups; ledgers: of labels and of answers."""

    parameters: dict[str, Any]
    ledgers: tuple[Path, ...]


class Project:
    """The Kedro project around a folder. Raises InputError where there is none, and for an environment that there is
    not."""

    def __init__(self, folder: Path, env: str | None = None) -> None:
        from kedro.framework.startup import bootstrap_project
        from kedro.utils import find_kedro_project

        root = find_kedro_project(folder.absolute())
        if root is None:
            raise InputError(
                f"Expected to be in a project of Docsort, whose settings experiments change, but {folder.absolute()} "
                "lies in none; go to the folder with conf/ and pyproject.toml."
            )
        self.root, self._env = Path(root), env
        if env is not None and not (self.root / "conf" / env).is_dir():
            raise InputError(f"Expected `env` to be a folder of conf/, but got {env!r}; correct the name.")
        bootstrap_project(self.root)

    def settings(self, given: Mapping[str, Any]) -> RunSettings:
        """Of a run that is given these with --params. Raises InputError, with the sentence that `kedro run` has."""
        from kedro.config import OmegaConfigLoader
        from kedro.framework.project import settings
        from omegaconf.errors import OmegaConfBaseException

        arguments: dict[str, Any] = {**settings.CONFIG_LOADER_ARGS, "env": self._env, "runtime_params": dict(given)}
        loader = OmegaConfigLoader(str(self.root / settings.CONF_SOURCE), **arguments)
        context: Any = SimpleNamespace(config_loader=loader)
        try:
            ParameterHooks().after_context_created(context)
        except OmegaConfBaseException as error:
            first = str(error).partition("\n")[0]
            raise InputError(f"Expected settings that Kedro can read, but it says: {first}; correct them.") from error
        named = {**loader["globals"], **given}
        ledgers = tuple(self.root / Path(str(named[name])).expanduser() for name in LEDGERS)
        return RunSettings(dict(loader["parameters"]), ledgers)
