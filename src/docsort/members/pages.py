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
from docsort.stores import Store, read_checked
from docsort.work.local import worker_count

Square = NDArray[np.uint8]
Photo = NDArray[np.uint8]


class Pages(Protocol):
    """A list of pages that can be read in any order, any number of times."""

    def __len__(self) -> int: ...

    def squares(self, rows: Sequence[int], side: int) -> Square:
        """(B, side, side, 3) uint8 RGB. Raises UnreadableImageError."""
        ...

    def photos(self, rows: Sequence[int], page_format: PageFormat) -> list[Photo]:
        """B pages (H, W, 3) uint8 RGB, each of its own shape, in a format that is not letterboxed. Raises
        UnreadableImageError."""
        ...


class RenderPages:
    """Renders, decoded when they are wanted.

    threads: how many decode side by side. cache: where what was computed of a render, whoever asked, may be found.
    """

    def __init__(self, paths: Sequence[str], threads: int = 1, cache: Store | None = None) -> None:
        self.paths, self._threads, self.cache = paths, threads, cache

    def __len__(self) -> int:
        return len(self.paths)

    def squares(self, rows: Sequence[int], side: int) -> Square:
        paths = [self.paths[row] for row in rows]
        if self._threads == 1 or len(paths) < 2:
            return np.stack([read_square(path, side) for path in paths])
        with ThreadPoolExecutor(self._threads) as pool:
            return np.stack(list(pool.map(lambda path: read_square(path, side), paths)))

    def photos(self, rows: Sequence[int], page_format: PageFormat) -> list[Photo]:
        """As they are stored, which is in the format already."""
        return [read_render(self.paths[row]) for row in rows]


class PhotoPages:
    """Decoded photos (H, W, 3) for members that want them straight, or for those that do not, laid out once per side
    however many of them ask. jpeg_quality: 1 to 100."""

    def __init__(self, photos: Sequence[Square], straighten: bool, jpeg_quality: int) -> None:
        self._photos, self._straighten, self._jpeg_quality = photos, straighten, jpeg_quality
        self._laid_out: dict[tuple[int, int], Square] = {}

    def __len__(self) -> int:
        return len(self._photos)

    def squares(self, rows: Sequence[int], side: int) -> Square:
        return np.stack([self._square(int(row), side) for row in rows])

    def photos(self, rows: Sequence[int], page_format: PageFormat) -> list[Photo]:
        """Laid out anew whenever they are asked for: they are large, and what is read of them is kept by the reader."""
        return [page_format.seen(self._photos[row], self._jpeg_quality) for row in rows]

    def take(self, rows: Sequence[int]) -> "PhotoPages":
        """Some of the pages; what is laid out already is not laid out again."""
        taken = PhotoPages([self._photos[row] for row in rows], self._straighten, self._jpeg_quality)
        for place, row in enumerate(rows):
            taken._laid_out.update({(place, side): own for (at, side), own in self._laid_out.items() if at == row})
        return taken

    def _square(self, row: int, side: int) -> Square:
        if (row, side) not in self._laid_out:
            laid_out = PageFormat(side, self._straighten).seen(self._photos[row], self._jpeg_quality)
            self._laid_out[row, side] = laid_out
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
