"""How pipelines are written down: a line per node, a box per stage, a box in it per fold."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kedro.pipeline import Node, Pipeline


def step(function: Callable[..., Any], inputs: str | Mapping[str, str], outputs: str) -> Node:
    """A node with the name of its function. inputs, outputs: names of datasets, parted by blanks; or datasets by the
    name of the function's argument.
    """
    given, made = inputs.split() if isinstance(inputs, str) else dict(inputs), outputs.split()
    return Node(function, given, made if len(made) > 1 else made[0], name=function.__name__)


def box(name: str, parts: Iterable[Node | Pipeline]) -> Pipeline:
    """Nodes in a box of their own, which kedro-viz draws closed; the names of datasets stay as they are."""
    return Pipeline(list(parts), namespace=name, prefix_datasets_with_namespace=False)


def stage(name: str, parts: Iterable[Node | Pipeline]) -> Pipeline:
    """The box of a stage, its nodes tagged with its name."""
    return Pipeline([box(name, parts)], tags=name)


def of_folds(name: str, folds: int) -> str:
    """The names of one dataset of all folds, parted by blanks; name: for example "history"."""
    return " ".join(f"fold_{fold}_{name}" for fold in range(folds))
