"""Agreement of many pairs of pages by pixels, computed in worker processes.

Each image is decoded once and kept as a thumbnail and its crops, 54 KB together: 260 MB for 4,710 images.
"""

import logging
from collections.abc import Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.chunks import chunks, map_chunks
from docsort.cleaning.alignment import (
    COARSE_AGREEMENT,
    Page,
    Pixels,
    align_pages,
    coarse_agreement,
    cut_crops,
    detail,
    detailed_agreement,
    thumbnail,
)
from docsort.images.dihedral import apply_turn
from docsort.images.reading import read_rgb
from docsort.work.executor import executor

CHUNK = 256
_log = logging.getLogger(__name__)

Pair = tuple[int, int, int]
"""(row, other row, the turn to lay the other page down in)."""
Start = tuple[int, int, int, int, bool]
"""A pair with what the coarse step found: crop, and whether the other page is the cropped one."""


def measure_agreement(paths: Sequence[str], pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """How well the pages of each pair agree, (P,), -1 to 1; 0 where they were found different early.

    Pairs name rows of `paths`. Raises UnreadableImageError when a file has changed since it was measured.
    """
    rows = sorted({row for pair in pairs for row in pair[:2]})
    thumbs, crops = _decode(rows, paths)
    agreements = np.zeros(len(pairs))
    promising = _promising(pairs, crops, {row: place for place, row in enumerate(rows)})
    _log.info("Comparing the pixels of %d pairs of images that hash alike", len(promising))
    tasks = []
    for chunk in chunks(promising, CHUNK):
        starts = [start for _, start in chunk]
        needed = {row: (paths[row], thumbs[row]) for start in starts for row in start[:2]}
        tasks.append(([place for place, _ in chunk], starts, needed))
    for places, values in executor().map(_compare, tasks):
        agreements[places] = values
    return agreements


def _decode(rows: Sequence[int], paths: Sequence[str]) -> tuple[dict[int, NDArray[np.uint8]], NDArray[np.float32]]:
    """Thumbnails by row, and the crops of all rows in their order: (rows, K, 1024)."""
    made = map_chunks(executor().map, _make_thumbnail, [(paths[row],) for row in rows], CHUNK)
    thumbs = {row: thumb for row, (thumb, _) in zip(rows, made, strict=True)}
    return thumbs, np.stack([cut for _, cut in made]) if rows else np.zeros((0, 1, 1), dtype=np.float32)


def _promising(pairs: Sequence[Pair], crops: NDArray[np.float32], place: dict[int, int]) -> list[tuple[int, Start]]:
    """The pairs that pass the coarse step, each with its place among all pairs."""
    passed: list[tuple[int, Start]] = []
    for chunk in chunks(list(enumerate(pairs)), CHUNK):
        left, right = (crops[[place[pair[side]] for _, pair in chunk]] for side in (0, 1))
        found = coarse_agreement(left, right, np.array([turn for _, (*_, turn) in chunk]))
        for (number, pair), value, crop, is_right in zip(chunk, *(part.tolist() for part in found), strict=True):
            if value >= COARSE_AGREEMENT:
                passed.append((number, (*pair, crop, is_right)))
    return passed


def _make_thumbnail(path: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Decodes an image in a worker: its thumbnail, and the crops of that."""
    cv2.setNumThreads(0)
    thumb = thumbnail(_read_grey(path))
    return thumb, cut_crops(thumb)


def _compare(
    places: list[int], starts: list[Start], images: dict[int, tuple[str, NDArray[np.uint8]]]
) -> tuple[list[int], list[float]]:
    """Steps 2 to 4 for some pairs, in a worker, from the path and thumbnail of each image.

    The few that come as far as step 4 are decoded once more.
    """
    cv2.setNumThreads(0)

    @cache
    def page(row: int, turn: int) -> Page:
        return Page.turned(images[row][1], turn)

    @lru_cache(maxsize=16)
    def details(row: int, turn: int) -> Pixels:
        return detail(np.ascontiguousarray(apply_turn(_read_grey(images[row][0]), turn)))

    values = []
    for i, j, turn, crop, is_right in starts:
        alignment = align_pages(page(i, 0), page(j, turn), crop, is_right, turn)
        values.append(0.0 if alignment is None else detailed_agreement(details(i, 0), details(j, turn), alignment))
    return places, values


def _read_grey(path: str) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(read_rgb(path), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
