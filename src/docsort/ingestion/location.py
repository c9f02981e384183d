"""Where the raw data is, and where results may go: the parameters checked, the paths made absolute."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from docsort.errors import InputError, listing
from docsort.ingestion.mirror import objects_of
from docsort.ingestion.parameters import SourceParameters
from docsort.remote import is_remote

STAGES = (
    "01_raw",
    "02_intermediate",
    "03_primary",
    "04_feature",
    "05_model_input",
    "06_models",
    "07_model_output",
    "08_reporting",
)
"""Folders below `data_root`."""

KEPT_BESIDE = re.compile(r"\..*|lost\+found|mlruns|mlflow\.db.*|.*\.log")
"""What else may lie there: hidden files, and what runs write beside their results."""


def locate(parameters: SourceParameters) -> dict[str, Any]:
    """layout, folder and answer_key (or None), paths absolute; raises InputError where one of them is not there.

    A folder in an object store stays the address it is, see `mirror`; StorageError where the store does not answer.
    """
    problems = []
    folder = Path(parameters.raw_dir or "").expanduser().absolute()
    if is_remote(parameters.raw_dir):
        objects_of(str(parameters.raw_dir))
    elif not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        problems.append(
            f"Expected raw_dir to be a folder of photos, but {folder} is {what}; "
            "give the folder's path, relative to the current directory or absolute."
        )
    key = None if parameters.answer_key is None else Path(parameters.answer_key).expanduser().absolute()
    if key is not None and not key.is_file():
        problems.append(f"Expected answer_key to be a CSV file (ID,target), but {key} is not there; correct the path.")
    if problems:
        raise InputError("\n".join(problems))
    return {
        "layout": parameters.layout,
        "folder": str(parameters.raw_dir if is_remote(parameters.raw_dir) else folder),
        "answer_key": None if key is None else str(key),
    }


def check_data_root(root: Path, folders: Iterable[Path], files: Iterable[Path]) -> None:
    """Raises InputError unless results may go to this folder; makes it, and writes there to see whether that works.

    folders, files: of the user's, that are only read: results may not go among them. They may lie below `root`.
    """
    problem = next(_misplaced(root, list(folders), list(files)), None) or _unwritable(root)
    if problem:
        raise InputError(f"Expected data_root to be a folder for results alone, but {root} {problem}; name another.")


def _misplaced(root: Path, folders: list[Path], files: list[Path]) -> Iterator[str]:
    place = root.resolve()
    for folder in folders:
        if place == folder.resolve() or folder.resolve() in place.parents:
            yield f"is or lies in {folder}, which holds photos"
    if root.exists() and not root.is_dir():
        yield "is a file"
    if not root.is_dir() or any((root / name).is_dir() for name in STAGES):
        return
    read = [path.resolve() for path in (*folders, *files)]
    strange = [
        path.name
        for path in sorted(root.iterdir())
        if not KEPT_BESIDE.fullmatch(path.name) and not any(path.resolve() in (each, *each.parents) for each in read)
    ]
    if strange:
        yield f"has other things in it ({listing(strange, limit=3)}) and no results of an earlier run"


def _unwritable(root: Path) -> str | None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in (root, *(root / name for name in STAGES)):
            if folder.is_dir():
                with TemporaryFile(dir=folder) as file:
                    file.write(b"1")
                    file.flush()
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    return None
