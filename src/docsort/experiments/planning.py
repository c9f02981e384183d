"""Described experiments, checked by the project and known by their keys, before any of them begins."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from docsort.errors import InputError
from docsort.experiments.description import Planned
from docsort.experiments.identity import identify
from docsort.experiments.records import facts_of


class Settings(Protocol):
    """parameters: all groups, as a run has them; ledgers: of labels and of answers."""

    @property
    def parameters(self) -> dict[str, Any]: ...

    @property
    def ledgers(self) -> tuple[Path, ...]: ...


class Project(Protocol):
    """What knows the parameters of the project; `hooks.project_settings.Project`."""

    root: Path

    def settings(self, given: dict[str, Any]) -> Settings:
        """Raises InputError."""


def plan(described: Sequence[Planned], project: Project) -> list[tuple[str, Planned]]:
    """With their keys. Raises one InputError, with the sentences of all that are refused."""
    found, problems = [], []
    for one in described:
        try:
            found.append(identified(one, project))
        except InputError as error:
            problems.append(f"In the experiment `{one.name}`: {error}")
    if problems:
        raise InputError("\n".join(problems))
    return found


def identified(one: Planned, project: Project) -> tuple[str, Planned]:
    """With its key and its facts. Raises InputError where the project refuses its parameters."""
    settings = project.settings(one.given)
    key = identify(settings.parameters, settings.ledgers, project.root)
    return key, replace(one, facts=facts_of(settings.parameters))
