"""Pages copied into a folder per class; those that a person should look at go to a folder of their own."""

import re
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pandas as pd

from docsort.errors import InputError
from docsort.files import partial_of, storing
from docsort.ingestion.pages import is_reason
from docsort.serving.listing import PhotoFile
from docsort.stores import file_digest

NEEDS_REVIEW = "needs_review"

NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
"""Signs that some system takes in no file name."""


def check_folder(folder: Path, files: Sequence[PhotoFile], result: object = None) -> None:
    """Raises InputError for a file in place of the folder, for pages that lie in it, which would be sorted again, and
    for pages or a result in a store, of which no picture stays here."""
    away = [place for place in (*files, result) if place is not None and not isinstance(place, Path)]
    if away:
        raise InputError(
            f"Expected pages and answers on this machine, to sort them into {folder}, but got {away[0]}; copy the "
            "pages here first, or leave out --sort-into."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"Expected --sort-into to be a folder, but {folder} is a file; name another.")
    inside = [file for file in files if isinstance(file, Path) and folder.absolute() in file.absolute().parents]
    if inside:
        raise InputError(
            f"Expected pages outside of the folder they are sorted into, but {inside[0]} lies in {folder}; name "
            "another folder."
        )


def sort_pages(part: pd.DataFrame, folder: Path) -> int:
    """Copies each page of a part (`prediction.answer_files`) and returns how many could not be copied.

    Nothing is overwritten: a name that is taken by another file gets a number, and a page that is there already, byte
    for byte, stays one. Raises StorageError where the folder does not take a page.
    """
    lost = 0
    for row in part.itertuples():
        source, name = _source(str(row.picture), str(row.file), str(row.page))
        target = folder / (NEEDS_REVIEW if row.needs_review else folder_name(str(row.class_name)))
        try:
            digest = file_digest(str(source))
        except OSError:  # its row says why it cannot be read
            lost += 1
            continue
        _copy(source, digest, target, name)
    return lost


def folder_name(class_name: str) -> str:
    """The class as a name of a folder; one that could be taken for another folder gets an underscore in front."""
    name = NOT_IN_NAMES.sub("_", class_name).strip(" .") or "_"
    return f"_{name}" if name == NEEDS_REVIEW else name


def _source(picture: str, file: str, page: str) -> tuple[Path, str]:
    """What is copied, and its name: the file, or of one with several pages the picture of the page."""
    original = Path(file)
    number = page.removeprefix(file)
    if not number or is_reason(picture):
        return original, original.name
    return Path(picture), f"{original.stem}-{number.lstrip('#')}.png"


def _copy(source: Path, digest: str, folder: Path, name: str) -> None:
    with storing(folder / name):
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            target = folder / (name if number == 1 else f"{Path(name).stem} ({number}){Path(name).suffix}")
            if not target.exists():
                with partial_of(target) as partial:
                    shutil.copyfile(source, partial)
                    partial.replace(target)
                return
            if file_digest(str(target)) == digest:
                return
