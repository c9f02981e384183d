"""New photos to answer: a folder, or the test images of the raw data as they are now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.ingestion.files import photo_files
from docsort.ingestion.parameters import SourceParameters

NEW_PHOTOS = ("image_id", "path")


def list_new_photos(source: SourceParameters, location: Mapping[str, Any]) -> pd.DataFrame:
    """Columns NEW_PHOTOS, one row per file, by name, or in the order of sample_submission.csv where it lists the same.

    The folder is `photos` where that is given, else `test/` of raw_dir, else of the last run's raw data (location).
    Raises InputError where it is not there or empty.
    """
    raw = Path(source.raw_dir or location["folder"]).expanduser().absolute()
    folder = Path(source.photos).expanduser().absolute() if source.photos else raw / "test"
    files = {path.name: path for path in photo_files(folder)}
    if not files:
        what = "is empty" if folder.is_dir() else "is not there"
        raise InputError(
            f"Expected new photos in {folder}, but it {what}; name their folder with --params photos=<folder>."
        )
    names = sorted(files)
    listed = raw / "sample_submission.csv"
    if not source.photos and listed.is_file():
        order = pd.read_csv(listed, dtype=str, encoding="utf-8-sig", keep_default_na=False)["ID"].tolist()
        names = order if sorted(order) == names else names
    return pd.DataFrame({"image_id": names, "path": [str(files[name]) for name in names]})[list(NEW_PHOTOS)]
