"""Predictions and descriptors of pages, cached on disk by whose they are, the content of the page, and the view.

So a change of the vote predicts nothing, and a new member only itself. A folder per name holds one file for each
call that added something; files appear by an atomic rename and are only ever added. A file's name ends in the sum of
what it holds: one that is damaged is removed, and what it held is asked again.

Legend of shapes: N pages, V views, W numbers of a page in a view, M rows of a file.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from docsort.arrays import Arrays, arrays_from_bytes, arrays_to_bytes
from docsort.errors import StorageError
from docsort.files import read_file, reading, write_atomically
from docsort.members.views import View
from docsort.stores import Store, checked_digest, file_digest, fingerprint, sha256

CACHE_VERSION = 3
"""Raise it when the same member would answer the same page otherwise."""

DIGITS = 24
"""Hexadecimal digits of a page's SHA-256: 96 bits."""

AS_IT_LIES: tuple[View, ...] = ((0, 100),)
"""The view of numbers that are of the page alone."""

NAME = re.compile(r"[0-9a-f]{20}(?:\.([0-9a-f]{20}))?\.safetensors")
"""Of a file: what it is about, and the beginning of its SHA-256; files of before there were sums lack the second."""

Keys = NDArray[np.str_]
logger = logging.getLogger(__name__)


def page_keys(paths: Sequence[str]) -> Keys:
    """What the files hold, in a few digits each."""
    return np.array([checked_digest(path)[:DIGITS] for path in paths], dtype=f"<U{DIGITS}")


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
        for part in self._parts() if len(pages) else ():
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
        data = arrays_to_bytes(arrays)
        name = f"{fingerprint(pages[rows].tolist(), asked.tolist())}.{sha256(data)[:20]}.safetensors"
        write_atomically(self._folder / name, data)

    def _parts(self) -> Iterator[Arrays]:
        """What each file holds. A damaged one is named and removed; one that may not be read is a StorageError."""
        for file in sorted(self._folder.glob("*.safetensors")) if self._folder is not None else ():
            named = NAME.fullmatch(file.name)
            if named is None:
                continue  # not ours
            part = _read_part(file, named[1] or "", self._width)
            if part is not None:
                yield part
                continue
            logger.warning("%s is damaged: it is removed, and what it held is asked again", file)
            with suppress(OSError):
                file.unlink()


def _read_part(file: Path, digest: str, width: int) -> Arrays | None:
    """None for what is damaged, or was removed by another thread meanwhile."""
    try:
        with reading(file):
            whole = file_digest(str(file)).startswith(digest)
        data = read_file(file)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    try:
        part = arrays_from_bytes(data, str(file))
        shapes = [part[name].shape for name in ("pages", "views", "values")]
    except (StorageError, KeyError):
        return None
    rows = len(part["pages"])
    return part if whole and shapes == [(rows, DIGITS), (rows, 2), (rows, width)] else None
