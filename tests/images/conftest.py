"""Drawn pages."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def draw_page(seed: int, height: int = 420, width: int = 310) -> NDArray[np.uint8]:
    """Off-white paper with a heading, lines of words and a few boxes: (H, W, 3)."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width, 3), 244, dtype=np.uint8)
    cv2.rectangle(page, (20, 15), (int(rng.integers(90, width - 20)), 34), rng.integers(0, 120, 3).tolist(), -1)
    for top in range(55, height - 20, int(rng.integers(11, 19))):
        left = int(rng.integers(14, 40))
        while left < width * rng.uniform(0.4, 1.0) - 30:
            right = left + int(rng.integers(8, 45))
            cv2.rectangle(page, (left, top), (min(right, width - 12), top + 5), rng.integers(10, 110, 3).tolist(), -1)
            left = right + 6
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(20, width - 90)), int(rng.integers(60, height - 80))
        cv2.rectangle(page, (x, y), (x + int(rng.integers(30, 70)), y + int(rng.integers(20, 60))), (60, 60, 160), -1)
    return page


@pytest.fixture(scope="session")
def pages() -> list[NDArray[np.uint8]]:
    return [draw_page(seed) for seed in range(12)]
