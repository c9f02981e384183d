"""What a run left below `data_root`, in a form that two runs can be compared by: byte for byte, but for times.

Left out is only what the clock decides, TIMES; everything else, tables, photos, renders, weights, predictions, the
submission and the report, has to be the same.
"""

import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

State = dict[str, str]
"""SHA-256 by path below the folder; the folder of a version is called VERSION, and of several the latest counts."""

VERSION = "<version>"
VERSION_FOLDER = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")

TIMES = re.compile(r"seconds$|^images_per_s$|^digest$|(^|/)(history\.csv|complete\.json)$")
"""Keys in JSON and columns in CSV: how long a training took, how fast it was, and the sums of files that say so."""

SECONDS_IN_TEXT = {
    "model_card.md": re.compile(r"^\| fold_\d.*$", re.MULTILINE),
    "report.html": re.compile(r'<dl class="facts">.*?</dl>', re.DOTALL),
}
"""The table of the trained models says how long each took, the head of the report when the run was."""

LEFT_OVER = re.compile(r"\.partial(/|$)|^\.docsort/runs/[^/]+\.json$")
"""What an interrupted write or run leaves beside the results, which nothing reads."""
NO_RESULT = re.compile(LEFT_OVER.pattern + r"|^\.docsort/|(^|/)\.[^/]+\.sha256$|^07_model_output/predictions/")
"""Nor are the notes and locks by which runs keep out of each other's way; and the sums beside files, which are compared
themselves, say of a file that was written twice what it was before; and the cache of what was predicted, where the fold
that comes first decides in which file an answer is kept: all answers stand in tables, too."""


def read_state(root: Path) -> State:
    """Of all files below the folder that are results."""
    return {name_in_state(root, path): hashlib.sha256(without_times(path)).hexdigest() for path in results(root)}


def results(root: Path) -> list[Path]:
    """The files below the folder that count."""
    files = (path for path in root.rglob("*") if path.is_file())
    return sorted(path for path in files if not NO_RESULT.search(path.relative_to(root).as_posix()))


def name_in_state(root: Path, path: Path) -> str:
    """What a file below the folder is called in its state."""
    return VERSION_FOLDER.sub(VERSION, path.relative_to(root).as_posix())


def left_over(root: Path) -> list[str]:
    """Paths of what interrupted writes left."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if LEFT_OVER.search(name))


def without_times(path: Path) -> bytes:
    """What the file holds, without what the clock decides; every byte of it where that is nothing."""
    data = path.read_bytes()
    try:
        if path.suffix == ".json":
            value = json.loads(data)
            kept = _pruned(value)
            return data if kept == value else json.dumps(kept).encode()
        if path.suffix == ".csv":
            return _without_columns(data)
        if path.name in SECONDS_IN_TEXT:
            return SECONDS_IN_TEXT[path.name].sub("", data.decode()).encode()
    except ValueError:
        pass  # it is not what its name says: damaged
    return data


def differences(expected: State, found: State) -> list[str]:
    """A line a file that is missing, too many or different."""
    words = {(True, False): "missing", (False, True): "too many", (True, True): "different"}
    names = sorted(expected.keys() | found.keys())
    return [
        f"{words[name in expected, name in found]}: {name}"
        for name in names
        if expected.get(name) != found.get(name)
    ]  # fmt: skip


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if not TIMES.search(key)}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _without_columns(data: bytes) -> bytes:
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    if not rows or not any(TIMES.search(name) for name in rows[0]):
        return data
    kept = [place for place, name in enumerate(rows[0]) if not TIMES.search(name)]
    return json.dumps([[row[place] for place in kept if place < len(row)] for row in rows]).encode()
