"""YAML files of the user's, read whole or refused in one sentence."""

from pathlib import Path
from typing import Any, TypeVar

import yaml

from docsort.errors import InputError
from docsort.parameters import Parameters, read

M = TypeVar("M", bound=Parameters)


class _Loader(yaml.SafeLoader):
    """Refuses a name that is given twice, of which YAML would take the last in silence; reads 1e-4 as a number."""


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        name = key.value
        if name in seen and key.tag != "tag:yaml.org,2002:merge":
            raise yaml.constructor.ConstructorError(None, None, f"`{name}` is given twice", key.start_mark)
        seen.add(name)
    loader.flatten_mapping(node)
    values: dict[Any, Any] = yaml.SafeLoader.construct_mapping(loader, node, deep=True)
    return values


def _number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    text = loader.construct_scalar(node)
    try:
        return float(text) if "e" in text.lower() and text[0] in "+-.0123456789" else text
    except ValueError:
        return text


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:str", _number)


def read_yaml(file: Path, model: type[M]) -> M:
    """The file as the model has it. Raises InputError, with all that is wrong."""
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InputError(f"Expected {file} to be a YAML file, but got: {error.strerror}; correct the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"Expected {file} to be YAML, but it cannot be read ({reason}); correct it.") from error
    if not isinstance(values, dict):
        raise InputError(f"Expected {file} to hold names and values, but got {type(values).__name__}; see the docs.")
    try:
        return read(model, values, "")
    except InputError as error:
        text = str(error).replace("correct it in conf/ or --params", "correct it")
        raise InputError(f"In {file}:\n{text.replace('add it in conf/ or --params', 'add it')}") from error
