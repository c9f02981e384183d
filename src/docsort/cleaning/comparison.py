"""Comparing many pairs of pages by their pixels, the dear steps in the workers.

Each image is decoded once and kept as a thumbnail and its crops, 54 KB together: 260 MB for 4,710 images.
"""

import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.cleaning.likeness import (
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
from docsort.workers import map_in_workers

CHUNK = 256
_log = logging.getLogger(__name__)
T = TypeVar("T")

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
    for chunk in _chunks(promising):
        starts = [start for _, start in chunk]
        needed = {row: (paths[row], thumbs[row]) for start in starts for row in start[:2]}
        tasks.append(([place for place, _ in chunk], starts, needed))
    for places, values in map_in_workers(_compare, tasks):
        agreements[places] = values
    return agreements


def _decode(rows: Sequence[int], paths: Sequence[str]) -> tuple[dict[int, NDArray[np.uint8]], NDArray[np.float32]]:
    """Thumbnails by row, and the crops of all rows in their order: (rows, K, 1024)."""
    tasks = [(chunk, [paths[row] for row in chunk]) for chunk in _chunks(rows)]
    thumbs: dict[int, NDArray[np.uint8]] = {}
    crops: dict[int, NDArray[np.float32]] = {}
    for chunk, made in map_in_workers(_make_thumbnails, tasks):
        for row, (thumb, cut) in zip(chunk, made, strict=True):
            thumbs[row], crops[row] = thumb, cut
    return thumbs, np.stack([crops[row] for row in rows]) if rows else np.zeros((0, 1, 1), dtype=np.float32)


def _promising(pairs: Sequence[Pair], crops: NDArray[np.float32], place: dict[int, int]) -> list[tuple[int, Start]]:
    """The pairs that pass the coarse step, each with its place among all pairs."""
    passed: list[tuple[int, Start]] = []
    for begin in range(0, len(pairs), CHUNK):
        chunk = pairs[begin : begin + CHUNK]
        left, right = (crops[[place[pair[side]] for pair in chunk]] for side in (0, 1))
        found = coarse_agreement(left, right, np.array([turn for *_, turn in chunk]))
        for k, (pair, value, crop, is_right) in enumerate(zip(chunk, *(part.tolist() for part in found), strict=True)):
            if value >= COARSE_AGREEMENT:
                passed.append((begin + k, (*pair, crop, is_right)))
    return passed


def _chunks(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]


def _make_thumbnails(
    rows: list[int], paths: list[str]
) -> tuple[list[int], list[tuple[NDArray[np.uint8], NDArray[np.float32]]]]:
    """Decodes images in a worker."""
    cv2.setNumThreads(0)
    thumbs = [thumbnail(_read_grey(path)) for path in paths]
    return rows, [(thumb, cut_crops(thumb)) for thumb in thumbs]


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
