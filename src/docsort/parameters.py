"""The base of every parameter model, and the one place where what a user gave is read or refused in plain words.

Pydantic's own words never reach a user: what was wanted is told from the model's JSON schema, so that each sentence
says the type and the range of its field.
"""

import math
import os
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from docsort.errors import InputError, listing
from docsort.expectations import Schema, arms, inner, properties, wanted

CORRECT = "correct it in conf/ or --params"
SHOWN = 60
"""Most characters of a value that a sentence quotes."""

LARGEST = 2**63
"""Whole numbers are smaller."""

Place = tuple[Any, ...]


class Parameters(BaseModel):
    """A strict group of parameters, as it stands under one key of the parameters YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def first_of(*values: Any) -> Any:
    """The first value that is one; None where none is."""
    return next((value for value in values if value is not None), None)


def expand_home(path: str) -> str:
    """The path with the home folder for `~`. Raises ValueError where no path can be meant."""
    expanded = os.path.expanduser(path)  # noqa: PTH111  a Path raises where there is no such user
    if expanded.startswith("~") or "\0" in expanded:
        raise ValueError(
            f"Expected a path, ~ at its beginning standing for a home folder, but got {path!r}; write ./~name for a "
            "folder of such a name."
        )
    return expanded


PathText = Annotated[str, Field(min_length=1), AfterValidator(expand_home)]
"""A path as a user writes it."""

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], values: Any, name: str) -> M:
    """The values as the model has them. name: what the group is called, dotted; empty for settings of no group.

    Raises InputError, a sentence a problem.
    """
    schema = _schema_of(model)
    try:
        result, errors = model.model_validate(values), []
    except ValidationError as error:
        result, errors = None, error.errors(include_url=False)
    told = dict(_told(errors, values, schema, name))
    for place, value, what in _misfits(values, schema, schema, ()):
        told.setdefault(place, _unfit(_dotted(name, place), what, value))
    deepest = [place for place in told if not any(place == other[: len(place)] != other for other in told)]
    if result is None or told:
        raise InputError("\n".join(told[place] for place in deepest))
    return result


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def shown(value: Any) -> str:
    """A value as the YAML has it, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = SHOWN
    try:
        return short.repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"


def _told(errors: list[ErrorDetails], values: Any, schema: Schema, name: str) -> Iterator[tuple[Place, str]]:
    """A sentence for each place of the values that pydantic refused."""
    for each in errors:
        place, value, at, last = _walk(each["loc"], values, schema)
        path = _dotted(name, place)
        if each["type"] == "extra_forbidden":
            known = properties(_walk(each["loc"][:-1], values, schema)[2], schema)
            near = get_close_matches(str(place[-1]), known, n=2)
            hint = f"did you mean {listing(near)}?" if near else f"there are {listing(known, limit=40)}."
            yield place, f"Expected parameters that exist, but there is no `{path}`; {hint}"
        elif each["type"] == "missing" and isinstance(value, Mapping):
            path = _dotted(name, (*place, last))
            yield (*place, last), f"Expected `{path}` to be given, but it is missing; add it in conf/ or --params."
        elif each["type"] == "value_error":
            message = re.sub(r"\S{200,}", "…", each["msg"].removeprefix("Value error, "))
            yield place, f"In `{path}`: {message}" if path else message
        elif last == "[key]":
            yield (
                place,
                f"Expected the names in `{_dotted(name, place[:-1])}` to be numbers, but got {place[-1]!r}; {CORRECT}.",
            )
        else:
            yield place, _unfit(path, wanted(at, schema), value)


def _unfit(path: str, what: str, value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        what = what.replace("a number", "a finite number")
    return f"Expected `{path}` to be {what}, but got {shown(value)}; {CORRECT}."


def _dotted(name: str, place: Place) -> str:
    return ".".join(filter(None, (name, *(_printable(str(part)) for part in place))))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _walk(loc: Sequence[Any], values: Any, schema: Schema) -> tuple[Place, Any, Schema, Any]:
    """The place that pydantic means, what stands there, its schema, and the last part of `loc`.

    Between the names of places pydantic names the arms of unions, which nobody has written.
    """
    place: list[Any] = []
    at = schema
    for part in loc:
        if (isinstance(values, Mapping) and part in values) or (
            isinstance(values, list | tuple) and isinstance(part, int) and 0 <= part < len(values)
        ):
            values, at = values[part], inner(at, part, schema)
            place.append(part)
    return tuple(place), values, at, loc[-1] if loc else None


def _misfits(values: Any, schema: Schema, root: Schema, place: Place) -> Iterator[tuple[Place, Any, str]]:
    """What pydantic takes and nobody can mean: true and false for 1 and 0, and whole numbers that no machine counts."""
    if isinstance(values, Mapping):
        parts: Iterable[tuple[Any, Any]] = values.items()
    elif isinstance(values, list | tuple):
        parts = enumerate(values)
    else:
        kinds = {arm.get("type") for arm in arms(schema, root)}
        numeric, parts = kinds & {"integer", "number"}, ()
        if numeric and ("boolean" not in kinds if isinstance(values, bool) else _is_huge(values)):
            yield place, values, wanted(schema, root)
    for key, value in parts:
        yield from _misfits(value, inner(schema, key, root), root, (*place, key))


def _is_huge(value: Any) -> bool:
    digits = value.lstrip("-") if isinstance(value, str) else ""
    return abs(value) >= LARGEST if isinstance(value, int) else digits.isdecimal() and len(digits) >= len(str(LARGEST))
