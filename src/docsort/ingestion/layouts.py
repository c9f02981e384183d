"""The layouts that raw data comes in, by name."""

from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing
from docsort.ingestion.class_folders import read_class_folders
from docsort.ingestion.competition import read_competition
from docsort.ingestion.names import warn_of_twins
from docsort.ingestion.pages import split_pages
from docsort.ingestion.problems import Problems, too_small
from docsort.stores import Store

LAYOUTS = {"competition": read_competition, "class_folders": read_class_folders}


def read_layout(layout: str, folder: str | Path, pages: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables PHOTOS and CLASSES of the folder. Raises InputError for an unknown layout, or naming all that is wrong.

    pages: where files of several pages are taken apart; not those of the layout `competition`, where an ID is a file,
    of which the first page is read.
    """
    if layout not in LAYOUTS:
        raise InputError(f"Expected layout to be one of {listing(LAYOUTS)}, but got {layout!r}.")
    path = Path(folder).absolute()
    if not path.is_dir():
        raise InputError(f"Expected a folder with the raw data at {path}, but there is none; run ingestion again.")
    photos, classes = LAYOUTS[layout](path)
    warn_of_twins(classes["class_name"])
    return (photos, classes) if layout == "competition" else (_split(path, photos, classes, pages), classes)


def _split(folder: Path, photos: pd.DataFrame, classes: pd.DataFrame, pages: Store) -> pd.DataFrame:
    split = split_pages(photos, pages)
    problems = Problems(folder)
    problems.add("classes with fewer than two pages", too_small(classes, split["target"]))
    problems.raise_if_any()
    return split.assign(position=split.groupby("split").cumcount().astype("int64"))
