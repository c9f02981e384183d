"""The descriptors of many pages, each page decoded once, in the workers, and cached by its content.

Legend of shapes: N pages, F numbers of a page, S side of a square.
"""

import logging
import threading
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.chunks import map_chunks
from docsort.images.letterbox import letterbox
from docsort.images.straightening import straighten
from docsort.kernel.descriptors import NUMBERS, describe
from docsort.kernel.parameters import KernelParameters
from docsort.members.cache import PageCache, page_keys
from docsort.members.pages import read_square
from docsort.stores import Store
from docsort.work.executor import executor

DESCRIPTORS = "descriptors-2"
"""What the cache calls them; raise the number when the same page would be described otherwise."""

STORED = np.float16
CHUNK = 32

Floats = NDArray[np.float32]
logger = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


def describe_renders(paths: Sequence[str], parameters: KernelParameters, cache: Store | None) -> Floats:
    """(N, F) of renders, in their order. Folds that ask for the same pages wait for each other, so that each page is
    described once. Raises UnreadableImageError.
    """
    with _one_at_a_time:
        name = f"{DESCRIPTORS}-{parameters.image_size}-{parameters.straighten}"
        stored, keys = PageCache(cache, name, NUMBERS, STORED), page_keys(paths)
        known = stored.look_up(keys)
        missing = np.flatnonzero(np.isnan(known[:, 0, 0]))
        numbers = known.copy()
        if len(missing):
            numbers[missing, 0] = _describe_all([paths[row] for row in missing.tolist()], parameters)
            stored.add(keys, known, numbers)
    return numbers[:, 0].astype(np.float32)


def describe_square(square: NDArray[np.uint8], straightened: bool) -> Floats:
    """(F,) of a letterboxed page (S, S, 3), at the precision in which descriptors are cached.

    straightened: whether pages are stored straight; if not, it is laid so here.
    """
    straight = square if straightened else letterbox(straighten(square), len(square))
    return describe(straight).astype(STORED).astype(np.float32)


def _describe_all(paths: Sequence[str], parameters: KernelParameters) -> NDArray[np.float16]:
    items = [(path, parameters.image_size, parameters.straighten) for path in paths]
    found = map_chunks(executor().map, _describe_page, items, CHUNK)
    logger.info("Described %d pages", len(paths))
    return np.stack(found)


def _describe_page(path: str, size: int, straightened: bool) -> NDArray[np.float16]:
    """Decodes and describes a page, in a worker."""
    cv2.setNumThreads(0)
    return describe_square(read_square(path, size), straightened).astype(STORED)
