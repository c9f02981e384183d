"""The file that describes a search: which parameters may be what, checked before any work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import ConfigDict, Field, model_validator

from docsort.experiments.description import FOLDER, SAMPLE, Changes, DataSet
from docsort.experiments.yaml_files import read_yaml
from docsort.parameters import Parameters, PathText

Scalar = bool | int | float | str | None


class Dimension(Parameters):
    """What one parameter may be: a range of numbers, or a choice; `when` other parameters of the space have one of the
    values of a list."""

    model_config = ConfigDict(populate_by_name=True)

    real: tuple[float, float] | None = Field(default=None, alias="float", description="[lowest, highest]")
    whole: tuple[int, int] | None = Field(default=None, alias="int", description="[lowest, highest], whole numbers")
    choice: tuple[Scalar, ...] | None = Field(default=None, min_length=1, description="a list of values")
    log: bool = Field(default=False, description="whether the range is searched on a logarithmic scale")
    when: dict[str, tuple[Scalar, ...]] = Field(default={}, description="lists of values by name of parameter")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [each for each in (self.real, self.whole, self.choice) if each is not None]
        if len(given) != 1:
            raise ValueError("Expected one of `float`, `int` and `choice`; give one.")
        if self.choice is None and given[0][0] >= given[0][1]:  # type: ignore[operator]
            raise ValueError(f"Expected a range from a lower to a higher number, but got {list(given[0])}; turn it.")
        if self.log and (self.choice is not None or given[0][0] <= 0):  # type: ignore[operator]
            raise ValueError("Expected `log` with a range of numbers above 0; leave it out.")
        return self

    def ends(self) -> tuple[Scalar, ...]:
        """The values that the project is asked about before any work."""
        return next(each for each in (self.real, self.whole, self.choice) if each is not None)


class SearchParameters(Parameters):
    """The whole file."""

    name: str = Field(default="search", pattern=r"^[\w.-]+$", description="a name of letters, digits, _, - and .")
    folder: PathText = Field(default=FOLDER, description="folder of the queue")
    storage: str | None = Field(default=None, description="URL of a database; null: a file in the folder of the queue")
    env: str | None = Field(default=None, description="environment of Kedro, a folder of conf/")
    budget_hours: float | None = Field(default=None, gt=0, description="hours that all runs of the queue may take")
    retries: int = Field(default=1, ge=0, description="how often a run that failed is tried again")
    data: DataSet = DataSet(layout=SAMPLE)
    parameters: Changes = Field(default={}, description="changes of parameters in all trials")
    space: dict[str, Dimension] = Field(min_length=1)
    trials: int = Field(default=20, ge=1, description="how many trials in all")
    startup_trials: int = Field(default=8, ge=1, description="how many are drawn at random before any is proposed")
    prune_after: int = Field(default=2, ge=0, description="folds after which a trial that is behind ends; 0: never")
    seed: int = Field(default=0, ge=0, description="root of what the search draws")

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = list(self.space)
        for number, (name, one) in enumerate(self.space.items()):
            if late := [each for each in one.when if each not in names[:number]]:
                raise ValueError(
                    f"Expected `space.{name}.when` to name parameters that stand above it in the space, but got "
                    f"{', '.join(late)}."
                )
        return self


def read_space(file: Path) -> SearchParameters:
    """Raises InputError, with all that is wrong but names and values of parameters, which the project checks."""
    return read_yaml(file, SearchParameters)


class Trial(Protocol):
    """Of Optuna, as far as a space asks it."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


def suggested(space: dict[str, Dimension], trial: Trial) -> Changes:
    """What this trial changes, by dotted name."""
    found: Changes = {}
    for name, one in space.items():
        if not _applies(one, found):
            continue
        if one.real is not None:
            found[name] = trial.suggest_float(name, *one.real, log=one.log)
        elif one.whole is not None:
            found[name] = trial.suggest_int(name, *one.whole, log=one.log)
        else:
            found[name] = trial.suggest_categorical(name, one.choice)
    return found


def corners(space: dict[str, Dimension]) -> Iterator[Changes]:
    """Changes in which each value of a choice, and each end of a range, occurs at least once."""
    first = _with_first(space, {})
    yield first
    for name, one in space.items():
        for value in one.ends():
            needed = {other: values[0] for other, values in one.when.items()}
            yield _with_first(space, {**needed, name: value})


def _with_first(space: dict[str, Dimension], fixed: Changes) -> Changes:
    found: Changes = {}
    for name, one in space.items():
        if name in fixed or _applies(one, found):
            found[name] = fixed.get(name, one.ends()[0])
    return found


def _applies(one: Dimension, found: Changes) -> bool:
    return all(other in found and found[other] in values for other, values in one.when.items())
