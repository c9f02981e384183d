"""Predictions and descriptors of pages, cached on disk by whose they are, the content of the page, and the view.

So a change of the vote predicts nothing, and a new member only itself. A folder per name holds one file for each
call that added something; files appear by an atomic rename and are only ever added.

Legend of shapes: N pages, V views, W numbers of a page in a view, M rows of a file.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from docsort.arrays import Arrays, read_arrays, write_arrays
from docsort.errors import StorageError
from docsort.members.views import View
from docsort.stores import Store, file_digest, fingerprint

CACHE_VERSION = 3
"""Raise it when the same member would answer the same page otherwise."""

DIGITS = 24
"""Hexadecimal digits of a page's SHA-256: 96 bits."""

AS_IT_LIES: tuple[View, ...] = ((0, 100),)
"""The view of numbers that are of the page alone."""

Keys = NDArray[np.str_]


def page_keys(paths: Sequence[str]) -> Keys:
    """What the files hold, in a few digits each."""
    return np.array([file_digest(path)[:DIGITS] for path in paths], dtype=f"<U{DIGITS}")


class PageCache:
    """The numbers that one `name` has of pages, W each. name: of the member, and of all else that decides the numbers;
    store: of all of them, None caches nothing.
    """

    def __init__(self, store: Store | None, name: str, width: int, dtype: DTypeLike = np.float32) -> None:
        self._folder = None if store is None else store.folder(f"{name}-{CACHE_VERSION}")
        self._width, self._dtype = width, dtype

    def look_up(self, pages: Keys, views: Sequence[View] = AS_IT_LIES) -> NDArray[Any]:
        """(N, V, W), NaN where nothing is known."""
        found = np.full((len(pages), len(views), self._width), np.nan, dtype=self._dtype)
        for file in sorted(self._folder.glob("*.safetensors")) if self._folder is not None and len(pages) else []:
            part = read_arrays(file)
            known = pd.Index(part["pages"].view(f"S{DIGITS}").ravel().astype(str))
            for number, view in enumerate(views):
                own = np.flatnonzero((part["views"] == np.array(view)).all(axis=1))
                rows = known[own].get_indexer(pd.Index(pages))
                found[rows >= 0, number] = part["values"][own[rows[rows >= 0]]]
        return found

    def add(self, pages: Keys, before: NDArray[Any], after: NDArray[Any], views: Sequence[View] = AS_IT_LIES) -> None:
        """Adds what `after` (N, V, W) has and `before` had not. Raises StorageError when the disk does not take it."""
        rows, numbers = np.nonzero(np.isnan(before[:, :, 0]) & ~np.isnan(after[:, :, 0]))
        if self._folder is None or not len(rows):
            return
        # a page that stands twice in the list was asked twice and is kept once
        listed = (
            pd.DataFrame({"page": pages[rows], "number": numbers}).drop_duplicates().sort_values(["page", "number"])
        )
        rows, numbers = rows[listed.index], numbers[listed.index]
        asked = np.array(views, dtype=np.int16)[numbers]
        arrays: Arrays = {
            "pages": pages[rows].astype(f"S{DIGITS}").view(np.uint8).reshape(len(rows), DIGITS),
            "views": asked,
            "values": after[rows, numbers],
        }
        path = self._folder / f"{fingerprint(pages[rows].tolist(), asked.tolist())}.safetensors"
        try:
            write_arrays(path, arrays)
        except OSError as error:
            raise StorageError(
                f"Expected to cache predictions in {self._folder}, but {error.strerror}; free some space or make it "
                "writable, then run again."
            ) from error
