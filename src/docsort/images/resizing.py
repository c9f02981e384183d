"""Shrinking by area averaging, never enlarging. Pages are (H, W) or (H, W, C)."""

import cv2
import numpy as np
from numpy.typing import NDArray


def shrink_to_side(page: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """The page with its longer side at most `longest` pixels."""
    return _scaled(page, longest / max(page.shape[:2]))


def shrink_to_area(page: NDArray[np.uint8], area: int) -> NDArray[np.uint8]:
    """The page with at most about `area` pixels."""
    return _scaled(page, (area / (page.shape[0] * page.shape[1])) ** 0.5)


def _scaled(page: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale >= 1:
        return page
    size = max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale))
    return np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
