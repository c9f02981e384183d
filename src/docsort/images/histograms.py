"""Histograms of oriented gradients and of colours, by cells of a page, for features that need no network.

Gradients: Dalal & Triggs, CVPR 2005; an edge from dark to light counts as one from light to dark.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

EDGE_OF_INK = 0.02
"""Share of the edges that is left out at each end of the page: a table top or a shadow beside the page."""

FAINT = 2.0
"""Added to the strength that a cell is divided by, grey levels per pixel: empty paper stays near zero."""

COLOUR_CELLS = 6
"""Cells per side of the mean colours."""

HUES, SATURATIONS = 12, 4
"""Bins of the colour histogram."""

Floats = NDArray[np.float32]


def oriented_gradients(grey: NDArray[np.generic], directions: int) -> tuple[Floats, Floats]:
    """Strength and direction of each pixel (H, W); direction in [0, directions], all of them being a half-turn."""
    strength, angle = cv2.cartToPolar(*(cv2.Sobel(grey, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))))
    return strength, np.mod(angle, np.float32(np.pi)) * np.float32(directions / np.pi)


def normalised_cells(fine: Floats, cells: int) -> Floats:
    """Histograms (S, S, D) pooled to (cells, cells, D), divided by the strength around each, and the root taken, as
    RootSIFT does; S is a multiple of `cells`.
    """
    size, directions = len(fine) // cells, fine.shape[-1]
    pooled = fine.reshape(cells, size, cells, size, directions).mean(axis=(1, 3))
    around = np.sqrt(cv2.GaussianBlur((pooled**2).sum(axis=-1), (5, 5), 1.0))
    return np.asarray(np.sqrt(pooled / (around[..., None] + FAINT)), dtype=np.float32)


def colour_histograms(page: NDArray[np.uint8], side: int) -> tuple[Floats, Floats]:
    """Mean colours in CIELAB by cells, 0 to 255, and the root of the share of each hue and saturation, both flat; of a
    page (H, W, 3) shrunk to `side` pixels squared.
    """
    small = cv2.resize(page, (side, side), interpolation=cv2.INTER_AREA)
    lab = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), (COLOUR_CELLS, COLOUR_CELLS), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    shares = cv2.calcHist([hsv], [0, 1], None, [HUES, SATURATIONS], [0, 180, 0, 256]) / side**2
    return lab.astype(np.float32).ravel(), np.sqrt(shares).ravel()
