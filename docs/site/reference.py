"""What the site says of parameters and tables, read from the code that uses them."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic_core import PydanticUndefined

Notes = dict[str, str]
"""Comments of YAML files by the dotted path of what they stand beside."""


def describe_parameters(root: Path) -> str:
    """A page: the groups of parameters, each with a table of its fields. root: of the project, with conf/."""
    return "\n".join(_parameters(root))


def describe_tables() -> str:
    """A page: the tables that pipelines hand to each other."""
    return "\n".join(_tables())


def _parameters(root: Path) -> Iterator[str]:
    from kedro.config import OmegaConfigLoader
    from kedro.validation import TypeExtractor

    from docsort.member_kinds import KINDS
    from docsort.pipeline_registry import register_pipelines
    from docsort.settings import CONFIG_LOADER_ARGS

    values = OmegaConfigLoader(str(root / "conf"), env="base", **CONFIG_LOADER_ARGS)["parameters"]
    notes = {
        path: note for file in sorted((root / "conf/base/parameters").glob("*.yml")) for path, note in _notes(file)
    }
    notes |= {f"globals.{path}": note for path, note in _notes(root / "conf/base/globals.yml")}
    yield "# Parameters"
    yield "\nEach group is a file in `conf/base/parameters/`. What `conf/local/` or `--params` give comes first."
    yield "Values are those of `conf/base` with the preset `quick`; a name that is not here is refused."
    for group, model in TypeExtractor(dict(register_pipelines())).extract_types_from_pipelines().items():
        if issubclass(model, RootModel):
            for name, kind in KINDS.items():
                own = next((each for each, value in values[group].items() if value.get("kind") == name), "")
                title = f"{group}.<name>, kind `{name}`"
                yield from _model(title, kind.Parameters, values[group].get(own, {}), _below(notes, f"{group}.{own}."))
        else:
            yield from _model(group, model, values[group], _below(notes, f"{group}."))


def _model(title: str, model: type[BaseModel], values: Any, notes: Notes) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield f"{(model.__doc__ or '').strip()}\n"
    yield "| name | value | type | meaning |"
    yield "|---|---|---|---|"
    yield from _fields("", model, values, notes)


def _fields(prefix: str, model: type[BaseModel], values: Any, notes: Notes) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = None if field.default is PydanticUndefined else field.default
        value = values.get(name, default) if isinstance(values, Mapping) else default
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and not issubclass(inner, RootModel):
            yield from _fields(f"{prefix}{name}.", inner, value if isinstance(value, Mapping) else {}, notes)
        else:
            meaning = field.description or notes.get(f"{prefix}{name}") or notes.get(f"globals.{name}", "")
            cells = (f"`{prefix}{name}`", f"`{_cut(value)}`", f"`{_kind(inner)}`", meaning)
            yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _kind(annotation: Any) -> str:
    """A type, as a reader of YAML would say it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inner[0])
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in inner)
    if inner:
        return f"{origin.__name__} of {', '.join(_kind(each) for each in inner if each is not Ellipsis)}"
    return "null" if annotation is NoneType else getattr(annotation, "__name__", str(annotation))


def _notes(file: Path) -> Iterator[tuple[str, str]]:
    """The dotted path of each key of a YAML file that has a comment on its line, and the comment."""
    open_keys: list[tuple[int, str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"( *)([\w$]+):(?: .*?)?(?: # (.*))?$", line):
            depth = len(found[1])
            open_keys = [(own, key) for own, key in open_keys if own < depth] + [(depth, found[2])]
            if found[3]:
                yield ".".join(key for _, key in open_keys), found[3]


def _below(notes: Notes, prefix: str) -> Notes:
    """Notes of what lies below the prefix, and those of the globals, which many groups read."""
    own = {path.removeprefix(prefix): note for path, note in notes.items() if path.startswith(prefix)}
    return own | {path: note for path, note in notes.items() if path.startswith("globals.")}


def _cut(value: Any, length: int = 80) -> str:
    text = str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _tables() -> Iterator[str]:
    """Each constant of `docsort.tables` that is a tuple of columns, with what is said below it."""
    from docsort import tables

    yield f"# Tables\n\n{(tables.__doc__ or '').strip()}"
    body = ast.parse(Path(str(tables.__file__)).read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        name = node.targets[0].id
        columns = getattr(tables, name)
        if isinstance(columns, tuple) and all(isinstance(column, str) for column in columns):
            yield f"\n## {name}\n\n{', '.join(f'`{column}`' for column in columns)}\n"
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                yield str(after.value.value)
