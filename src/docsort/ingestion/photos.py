"""New photos to answer: a folder, or the test images of the raw data as they are now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.ingestion.files import folders_in, no_files, photo_files, warn_unread
from docsort.ingestion.names import check_names
from docsort.ingestion.pages import split_pages
from docsort.ingestion.parameters import SourceParameters
from docsort.ingestion.problems import Problems
from docsort.labels import normal_form
from docsort.remote import is_remote
from docsort.stores import Store
from docsort.user_tables import read_user_table

NEW_PHOTOS = ("image_id", "path")


def list_new_photos(source: SourceParameters, location: Mapping[str, Any], pages: Store) -> pd.DataFrame:
    """Columns NEW_PHOTOS, one row per page, by name of the file; or one row per file in the order of
    sample_submission.csv where it lists the same.

    The folder is `photos` where that is given, else `test/` of raw_dir, else of the last run's raw data (location, or
    nothing). Raises InputError where it is not there or empty.
    """
    if not (source.photos or source.raw_dir or location):
        raise InputError(
            "Expected new photos, but `photos` names none, and no run has left test images; give their folder with "
            "--params photos=<folder>."
        )
    own = None if is_remote(source.raw_dir) else source.raw_dir  # else the last run has copied it
    raw = Path(own or location.get("folder", "")).expanduser().absolute()
    folder = Path(source.photos).expanduser().absolute() if source.photos else raw / "test"
    require_photos(folder)
    files = {path.name: path for path in photo_files(folder)}
    problems = Problems(folder)
    check_names(files, "file names", problems)
    problems.raise_if_any()
    warn_unread(folder, [*folders_in(folder), *no_files(folder)])
    names, by_form, is_listed = sorted(files), {normal_form(name): path for name, path in files.items()}, False
    listed = raw / "sample_submission.csv"
    if not source.photos and listed.is_file():
        order = read_user_table(listed, ("ID",))["ID"].tolist()
        is_listed = sorted(map(normal_form, order)) == sorted(by_form)
        names = order if is_listed else names
    photos = pd.DataFrame({"image_id": names, "path": [str(by_form[normal_form(name)]) for name in names]})
    return photos if is_listed else split_pages(photos, pages)


def require_photos(folder: Path) -> None:
    """Raises InputError where the folder is not there or empty."""
    if not photo_files(folder):
        what = "is empty" if folder.is_dir() else "is not there"
        raise InputError(
            f"Expected new photos in {folder}, but it {what}; name their folder with --params photos=<folder>."
        )
