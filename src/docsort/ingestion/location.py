"""Where the raw data is: the parameters checked, the paths made absolute."""

from pathlib import Path
from typing import Any

from docsort.errors import InputError
from docsort.ingestion.parameters import SourceParameters


def locate(parameters: SourceParameters) -> dict[str, Any]:
    """layout, folder and answer_key (or None), paths absolute; raises InputError where one of them is not there."""
    folder = Path(parameters.raw_dir or "").expanduser().absolute()
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise InputError(
            f"Expected raw_dir to be a folder of photos, but {folder} is {what}; "
            "give the folder's path, relative to the current directory or absolute."
        )
    key = None if parameters.answer_key is None else Path(parameters.answer_key).expanduser().absolute()
    if key is not None and not key.is_file():
        raise InputError(f"Expected answer_key to be a CSV file (ID,target), but {key} is not there; correct the path.")
    return {
        "layout": parameters.layout,
        "folder": str(folder),
        "answer_key": None if key is None else str(key),
    }
