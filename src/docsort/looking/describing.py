"""The numbers of many pages as a table, each page decoded once, in the workers.

Renders all, those of test images too, so that validation sees what the test sees.

Legend of shapes: N pages, F numbers of a page.
"""

import logging
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.images.straightening import straighten
from docsort.looking.features import NUMBERS, describe
from docsort.looking.parameters import LookParameters
from docsort.tables import check_columns
from docsort.workers import map_in_workers

CHUNK = 32
LOOKS = ("render_id", "numbers")
"""Columns of a table of looks, one row a page; numbers: the F numbers as bytes, float16, little-endian. One column each
would take seconds to load, and a table is loaded by every fold."""

STORED = np.dtype("<f2")

Floats = NDArray[np.float32]
_log = logging.getLogger(__name__)


def describe_pages(pages: pd.DataFrame, parameters: LookParameters) -> pd.DataFrame:
    """Table LOOKS, in the order of the pages.

    pages: render_id and path. Raises UnreadableImageError.
    """
    check_columns(pages, ("render_id", "path"), "pages")
    paths = [str(path) for path in pages["path"]]
    chunks = range(0, len(paths), CHUNK)
    tasks = [(start, paths[start : start + CHUNK], parameters.size, parameters.straightened) for start in chunks]
    found = dict(map_in_workers(_describe_chunk, tasks))
    _log.info("Looked at %d pages", len(paths))
    numbers = [row for start in chunks for row in found[start]]
    return pd.DataFrame({"render_id": pages["render_id"].astype(str).to_numpy(dtype=object), "numbers": numbers})


def numbers_of(looks: pd.DataFrame, render_ids: pd.Series) -> Floats:
    """The numbers (N, F) of these pages, in their order. Raises InputError for pages that were not described."""
    check_columns(looks, LOOKS, "looks")
    rows = pd.Index(looks["render_id"]).get_indexer(pd.Index(render_ids.astype(str)))
    if (rows < 0).any():
        raise InputError(
            f"Expected every page to be described, but {int((rows < 0).sum())} are not: "
            f"{listing(render_ids[rows < 0])}; run the training pipeline again."
        )
    stored = looks["numbers"].take(rows)
    if (stored.map(len) != NUMBERS * STORED.itemsize).any():
        raise InputError(
            f"Expected pages to be described by {NUMBERS} numbers each, but they were described in another way; run "
            "the training pipeline again."
        )
    return np.frombuffer(b"".join(stored), STORED).reshape(-1, NUMBERS).astype(np.float32)


def read_square(path: str, size: int, straightened: bool) -> NDArray[np.uint8]:
    """A straight page (size, size, 3), letterboxed.

    straightened: whether pages are stored straight; if not, they are laid so here.
    """
    square = letterbox(read_rgb(path), size)
    return square if straightened else letterbox(straighten(square), size)


def _describe_chunk(start: int, paths: Sequence[str], size: int, straightened: bool) -> tuple[int, list[bytes]]:
    """Decodes and describes some pages in a worker."""
    cv2.setNumThreads(0)
    rows = (describe(read_square(path, size, straightened)) for path in paths)
    return start, [row.astype(STORED).tobytes() for row in rows]
