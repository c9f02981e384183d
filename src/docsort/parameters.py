"""The base of every parameter model: unknown keys are refused, values cannot change after validation."""

from pydantic import BaseModel, ConfigDict, ValidationError

from docsort.errors import listing

TOLD_UNKNOWN = 5
"""Unknown keys that are named; where another kind was meant, all are unknown."""


class Parameters(BaseModel):
    """A strict group of parameters, as it stands under one key of the parameters YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def problems_in(error: ValidationError) -> str:
    """What is wrong with a group of parameters, in plain words, as the rest of a sentence: "`epochs` should be …"."""
    unknown, told = [], []
    for each in error.errors(include_url=False):
        name, message = f"`{'.'.join(map(str, each['loc']))}`", each["msg"].removeprefix("Value error, ").rstrip(".")
        if each["type"] == "extra_forbidden":
            unknown.append(name)
        elif each["type"] == "missing":
            told.append(f"{name} is missing")
        elif message.startswith("Input "):
            told.append(f"{name} {message.removeprefix('Input ')}, and is {each['input']!r}")
        else:
            told.append(message if name == "``" else f"{name}: {message}")
    if unknown:
        told.insert(0, f"there is no {listing(unknown, limit=TOLD_UNKNOWN)}")
    return "; ".join(told)
