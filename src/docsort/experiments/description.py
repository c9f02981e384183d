"""The file that describes experiments: data sets, and changes of parameters, one by one, as lists and as grids.

Names of parameters are those of `kedro run --params`, dotted or nested.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from docsort.errors import InputError
from docsort.experiments.yaml_files import read_yaml
from docsort.parameters import Parameters, PathText, shown

FOLDER = "data/experiments"
"""Where a queue is unless a file says otherwise."""

SAMPLE = "sample"
OURS = ("data_root", "store_root", "raw_dir", "layout", "answer_key")
"""What the queue sets by itself."""

Changes = dict[str, Any]


class DataSet(Parameters):
    """Photos that experiments are made on; paths as they are seen from where the command is given."""

    layout: Literal["sample", "competition", "class_folders"]
    raw_dir: PathText | None = None
    answer_key: PathText | None = None

    def as_parameters(self) -> Changes:
        """For --params, paths absolute, so that the queue can be worked on from anywhere."""
        named = {"raw_dir": self.raw_dir, "answer_key": self.answer_key}
        paths = {name: str(Path(path).absolute()) for name, path in named.items() if path is not None}
        return {"layout": self.layout, **paths}


class ExperimentParameters(Parameters):
    """One experiment, or several: `parameters` are of each; `list` has further changes one after the other, `grid`
    values of parameters in every combination."""

    parameters: Changes = Field(default={}, description="changes of parameters, by name")
    list: tuple[Changes, ...] = Field(default=(), description="a list of further changes, an experiment each")
    grid: dict[str, tuple[Any, ...]] = Field(default={}, description="lists of values by name of parameter")
    data: tuple[str, ...] | None = Field(default=None, description="names of data sets; null: all of them")
    priority: int = Field(default=0, description="a whole number, the highest first")
    retries: int | None = Field(default=None, ge=0, description="how often one that failed is tried again")


class QueueParameters(Parameters):
    """The whole file."""

    folder: PathText = Field(default=FOLDER, description="folder of the queue")
    env: str | None = Field(default=None, description="environment of Kedro, a folder of conf/")
    budget_hours: float | None = Field(default=None, gt=0, description="hours that all runs together may take")
    retries: int = Field(default=1, ge=0, description="how often one that failed is tried again")
    data: dict[str, DataSet] = Field(default={SAMPLE: DataSet(layout=SAMPLE)}, min_length=1)
    parameters: Changes = Field(default={}, description="changes of parameters in all experiments")
    experiments: dict[str, ExperimentParameters] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "QueueParameters":
        for name, one in self.experiments.items():
            unknown = set(one.data or ()) - set(self.data)
            if unknown:
                raise ValueError(
                    f"Expected `experiments.{name}.data` to name data sets of the file, {', '.join(self.data)}, but "
                    f"got {', '.join(sorted(unknown))}."
                )
            if one.data == () or any(not values for values in one.grid.values()):
                raise ValueError(f"Expected `experiments.{name}` to have at least one value in each list.")
        return self


@dataclass(frozen=True)
class Planned:
    """An experiment as it was described. given: what `kedro run --params` would get, nested."""

    name: str
    data: str
    given: Changes
    priority: int = 0
    retries: int = 1
    env: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_description(file: Path) -> QueueParameters:
    """Raises InputError, with all that is wrong but values of parameters, which the project checks."""
    return read_yaml(file, QueueParameters)


def expand(described: QueueParameters) -> list[Planned]:
    """All experiments of a file, in its order. Raises InputError for a name that two of them would have."""
    planned = [each for name, one in described.experiments.items() for each in _expand(name, one, described)]
    names = [each.name for each in planned]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"Expected experiments of different names, but {', '.join(twice)} is there twice; rename one.")
    return planned


def _expand(name: str, one: ExperimentParameters, whole: QueueParameters) -> Iterator[Planned]:
    several = len(one.data or whole.data) > 1
    combinations = [dict(zip(one.grid, values, strict=True)) for values in itertools.product(*one.grid.values())]
    for data in one.data or whole.data:
        for listed, combined in itertools.product(one.list or ({},), combinations):
            changes = {path[-1]: value for each in (listed, combined) for path, value in _leaves(each, ())}
            told = ",".join(f"{last}={_short(value)}" for last, value in changes.items())
            given = [whole.parameters, one.parameters, listed, combined, whole.data[data].as_parameters()]
            yield Planned(
                name="/".join([name, *([told] if told else []), *([data] if several else [])]),
                data=data,
                given=merged(given),
                priority=one.priority,
                retries=whole.retries if one.retries is None else one.retries,
                env=whole.env,
            )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def merged(changes: list[Changes]) -> Changes:
    """One nested mapping of several, later ones over earlier ones. Raises InputError for what only the queue may set in
    any but the last, and where a value stands on the way to another."""
    result: Changes = {}
    for number, each in enumerate(changes):
        for path, value in _leaves(each, ()):
            if path[0] in OURS and number < len(changes) - 1:
                raise InputError(
                    f"Expected experiments to leave `{path[0]}` to the queue, but it is among the parameters; data "
                    "sets are named under `data`."
                )
            _put(result, path, value)
    return result


def _leaves(values: Mapping[str, Any], before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        path = (*before, *str(key).split("."))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _put(result: Changes, path: tuple[str, ...], value: Any) -> None:
    at = result
    for part in path[:-1]:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise InputError(
                f"Expected `{'.'.join(path)}` to lie in a group, but `{part}` has a value; give one of them."
            )
    at[path[-1]] = value
