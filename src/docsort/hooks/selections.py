"""A sentence, with the nearest names, where a command asks for a pipeline, a node or a dataset that there is not."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from docsort.errors import listing

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

MODULES = ("kedro.framework.session.session", "kedro.pipeline.pipeline", "kedro.runner.runner")
"""Where Kedro says with a ValueError that something named on the command line does not exist."""

PIPELINE = r"Failed to find the pipeline named '(.*?)'\. It needs"
NAMES: Mapping[str, tuple[str, Callable[["Pipeline"], Iterable[str]]]] = {
    "nodes": (r"Pipeline does not contain nodes named (\[.*?\])", lambda each: (node.name for node in each.nodes)),
    "namespaces": (
        r"Pipeline does not contain nodes with the following namespaces: (\[.*\])",
        lambda each: (node.namespace or "" for node in each.nodes),
    ),
    "datasets": (r"Pipeline does not contain datasets named (\[.*\])", lambda each: each.datasets()),
}
"""How Kedro says it, and where the names are that there are."""
NOTHING_LEFT = "Pipeline contains no nodes after applying all provided filters"
"""What Kedro says of a tag that there is not."""


def sentence_of_selection(text: str) -> str:
    """The sentence for what Kedro says; what is not known is told as it is."""
    from kedro.framework.project import pipelines

    if unknown := re.match(PIPELINE, text):
        names = [name for name in pipelines if not name.startswith("_")]
        return f"Expected the name of a pipeline, one of {listing(names, limit=40)}, but got {unknown[1]!r}."
    if text.startswith(NOTHING_LEFT):
        return "Expected nodes to run, but none has all that was asked for; correct --tags, or leave an option out."
    for what, (pattern, names_of) in NAMES.items():
        if unknown := re.match(pattern, text):
            given = re.findall(r"'(.*?)'", unknown[1])
            near = nearest(given, {name for pipeline in pipelines.values() for name in names_of(pipeline)})
            hint = f"did you mean {listing(near)}?" if near else "`kedro viz` shows all that there are."
            return f"Expected names of {what} of the pipeline, but there is no {listing(given)}; {hint}"
    return text


def nearest(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """Known names of which a given one is a part, else those that are written nearly so; three for each."""
    names = sorted(known)
    parts = {name: [each for each in names if name in each.split(".")][:3] for name in given}
    return list(dict.fromkeys(found for name in parts for found in parts[name] or get_close_matches(name, names)))
