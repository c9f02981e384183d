"""The head of the report: what to expect, and where it comes from."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docsort.reporting.parts import Tables

NEEDS = ("scores", "run_facts", "data_summary", "models", "params:source")
"""What is missing of these is left out."""

TITLE = "Head"


def describe(tables: Tables) -> dict[str, Any]:
    """`expect`: the forecast in words, or ""; `facts`: pairs of a word and what it is."""
    run = tables.get("run_facts") or {}
    facts = {
        "date": run.get("began"),
        "data": _data(tables.get("params:source"), tables.get("data_summary")),
        "command": run.get("command"),
        "commit": run.get("commit"),
        "took": lasted(time.time() - run["began_unix"]) if run else None,
        "members": members_in_words(tables.get("models") or {}),
    }
    return {
        "expect": tables["scores"]["expect"] if "scores" in tables else "",
        "facts": [(name, fact) for name, fact in facts.items() if fact],
    }


def _data(source: Any, data: Mapping[str, Any] | None) -> str:
    """The folder's name, and how many photos and classes there are."""
    folder = [] if source is None else [Path(source.raw_dir).name if source.raw_dir else "the drawn sample"]
    if data is None:
        return "".join(folder)
    counts = data["counts"]
    pages = (
        f"{counts['training photos used']} training photos of {len(data['class_counts'])} classes, "
        f"{counts['test photos that can be read']} test photos"
    )
    return ": ".join([*folder, pages])


def members_in_words(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Each member with its kind, backbone and side. models: of `model_records.list_models`."""
    told: dict[str, str] = {}
    for task, record in models.items():
        name = task.rpartition("fold_")[0].rstrip("_") or "main"
        side = f"{record['side']} px" if "side" in record else ""
        known = [str(record.get(fact, "")) for fact in ("backbone", "kind")]
        told.setdefault(name, f"{name} ({', '.join(part for part in (known[0] or known[1], side) if part)})")
    return ", ".join(told.values())


def lasted(seconds: float) -> str:
    """For people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
