"""A page as a few grey pixels: where these tell the classes, the data has a shortcut.

Legend of shapes: N pages, S side of a square, P side of the grey square.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.chunks import map_chunks
from docsort.images.dihedral import apply_turn
from docsort.members.pages import read_square
from docsort.work.executor import executor

CHUNK = 64


def grey_pixels(squares: NDArray[np.uint8], pixels: int, turn: int = 0) -> NDArray[np.float32]:
    """(N, P * P) in [0, 1], of squares (N, S, S, 3) RGB laid in a dihedral turn."""
    greys = []
    for square in squares:
        small = cv2.resize(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY), (pixels, pixels), interpolation=cv2.INTER_AREA)
        greys.append(apply_turn(small, turn).ravel())
    return np.asarray(np.stack(greys) / 255, dtype=np.float32)


def grey_of_renders(paths: Sequence[str], side: int, pixels: int) -> NDArray[np.float32]:
    """(N, P * P) of renders as they lie, in the workers. Raises UnreadableImageError."""
    tasks = [(path, side, pixels) for path in paths]
    greys: list[NDArray[np.float32]] = map_chunks(executor().map, _grey_page, tasks, CHUNK)
    return np.stack(greys)


def _grey_page(path: str, side: int, pixels: int) -> NDArray[np.float32]:
    cv2.setNumThreads(0)
    return grey_pixels(read_square(path, side)[None], pixels).ravel()
