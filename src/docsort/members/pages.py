"""Pages that members are asked about: renders on disk, or photos as they came.

Legend of shapes: N pages, B some of them, S side of a square.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docsort.images.letterbox import letterbox
from docsort.images.page_format import PageFormat
from docsort.images.reading import decode_rgb
from docsort.stores import read_checked
from docsort.work.local import worker_count

Square = NDArray[np.uint8]


class Pages(Protocol):
    """A list of pages that can be read in any order, any number of times."""

    def __len__(self) -> int: ...

    def squares(self, rows: Sequence[int], side: int) -> Square:
        """(B, side, side, 3) uint8 RGB. Raises UnreadableImageError."""
        ...


class RenderPages:
    """Renders, decoded when they are wanted. threads: how many decode side by side."""

    def __init__(self, paths: Sequence[str], threads: int = 1) -> None:
        self._paths, self._threads = paths, threads

    def __len__(self) -> int:
        return len(self._paths)

    def squares(self, rows: Sequence[int], side: int) -> Square:
        paths = [self._paths[row] for row in rows]
        if self._threads == 1 or len(paths) < 2:
            return np.stack([read_square(path, side) for path in paths])
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(lambda path: read_square(path, side), paths)))


class PhotoPages:
    """Decoded photos (H, W, 3), laid out once per side however many members ask."""

    def __init__(self, photos: Sequence[Square], page_format: PageFormat) -> None:
        self._photos, self._format = photos, page_format
        self._laid_out: dict[tuple[int, int], Square] = {}

    def __len__(self) -> int:
        return len(self._photos)

    def squares(self, rows: Sequence[int], side: int) -> Square:
        return np.stack([self._square(int(row), side) for row in rows])

    def _square(self, row: int, side: int) -> Square:
        if (row, side) not in self._laid_out:
            self._laid_out[row, side] = self._format.square(self._photos[row], side)
        return self._laid_out[row, side]


def decoding_threads(device: str, concurrent: int) -> int:
    """How many threads decode for one of `concurrent` members on a device: one on a CPU, where every core computes."""
    return max(1, worker_count() // concurrent - 1) if device.startswith("cuda") else 1


def read_square(path: str, side: int) -> Square:
    """A render as (side, side, 3) uint8 RGB, letterboxed on white where it is of another size."""
    return letterbox(read_render(path), side)


def read_render(path: str) -> Square:
    """A render as (H, W, 3) uint8 RGB. Raises StorageError where its bytes are no longer those that were written, which
    costs a thirtieth of decoding it.
    """
    return decode_rgb(read_checked(path), path)
