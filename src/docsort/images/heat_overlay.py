"""A heat map drawn over its page.

Legend of shapes: H, W the page, S side of the heat.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

STRENGTH = 0.6
"""Share of the colour where the heat is highest."""


def draw_heat(page: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The page (H, W, 3) with a heat (S, S) in [0, 1] over it, from clear over yellow to red."""
    height, width = page.shape[:2]
    warmth = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)[..., None]
    colour = np.concatenate([np.full_like(warmth, 235), 200 * (1 - warmth) + 20, np.full_like(warmth, 20)], axis=2)
    share = STRENGTH * warmth**2  # so that what is lukewarm stays clear
    return np.asarray(page * (1 - share) + colour * share, dtype=np.uint8)
