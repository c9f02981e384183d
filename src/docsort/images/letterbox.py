"""Letterbox: a page scaled into a square, its aspect ratio kept."""

import cv2
import numpy as np
from numpy.typing import NDArray

WHITE = 255
"""Paper, and the fill the test images of the job show around turned pages."""


def letterbox(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Scales (H, W, 3) so that the longer side is `size`, centred on a white (size, size, 3) square.

    Area averaging when it shrinks, bilinear when it grows. An image that is already (size, size, 3) is returned as is.
    """
    height, width = image.shape[:2]
    if height == size and width == size:
        return image
    scale = size / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (new_width, new_height), interpolation=method)
    square = np.full((size, size, 3), WHITE, dtype=np.uint8)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    square[top : top + new_height, left : left + new_width] = scaled
    return square
