"""The layouts that raw data comes in, by name."""

from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing
from docsort.ingestion.class_folders import read_class_folders
from docsort.ingestion.competition import read_competition

LAYOUTS = {"competition": read_competition, "class_folders": read_class_folders}


def read_layout(layout: str, folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables PHOTOS and CLASSES of the folder. Raises InputError for an unknown layout, or naming all that is wrong."""
    if layout not in LAYOUTS:
        raise InputError(f"Expected layout to be one of {listing(LAYOUTS)}, but got {layout!r}.")
    path = Path(folder).absolute()
    if not path.is_dir():
        raise InputError(f"Expected a folder with the raw data at {path}, but there is none; run ingestion again.")
    return LAYOUTS[layout](path)
