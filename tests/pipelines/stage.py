"""A stage run in memory, node after node, so that all that it makes can be looked at."""

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Pipeline


def run_stage(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given and all that the nodes made of it, by the names of the datasets."""
    known = dict(given)
    for node in pipeline.nodes:
        known |= node.run({name: known[name] for name in node.inputs})
    return known
