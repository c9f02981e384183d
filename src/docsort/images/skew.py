"""Skew estimation: the direction of the lines of a page.

Strokes, table rules and page borders make gradients along two directions at right angles; their angle is where the
histogram of gradient directions, taken modulo 90°, peaks (Srihari & Govindaraju 1989 use the Hough transform for it).
Which of the two the text runs along is told by the projection profile: sums along lines of text rise and fall from
line to line, sums across them hardly do (Postl 1986).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.images.resizing import shrink_to_side

LONGER_SIDE = 256
BINS = 180
"""Half a degree each, of the quarter-turn that directions are folded into."""

SMOOTHING = 2.0
"""sd in bins: strokes of letters scatter by about a degree."""

WEAK = 0.1
"""Gradients below this share of the strongest are noise."""

INNER_SHARE = 0.35
"""Profiles are taken on the disc of this radius (share of the longer side), which no turn can leave."""


def line_direction(grey: NDArray[np.uint8]) -> float:
    """Counter-clockwise degrees from horizontal, in (-90, 90]: 0 for an upright page, 90 for one that lies on its side.

    grey: (H, W). A page turned by 180° reads the same. A blank page has direction 0.
    """
    return direction_of(*gradients(grey))


def gradients(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """The shrunk page (h, w), and of its gradients the angle in counter-clockwise degrees, [0, 180), and the strength,
    0 where it is weak.
    """
    small = shrink_to_side(grey, LONGER_SIDE)
    across, down = (cv2.Sobel(small, cv2.CV_32F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    # image rows run downwards, so a counter-clockwise angle has the sign of -down
    strength, angle = cv2.cartToPolar(across, -down, angleInDegrees=True)
    strength[strength < WEAK * float(strength.max(initial=0.0))] = 0
    return small, np.asarray(angle % 180, dtype=np.float32), np.asarray(strength, dtype=np.float32)


def direction_of(small: NDArray[np.uint8], angle: NDArray[np.float32], strength: NDArray[np.float32]) -> float:
    """`line_direction` from the gradients."""
    if not strength.any():
        return 0.0
    codes = np.rint(angle * (BINS / 90)).astype(np.int32).ravel() % BINS
    smooth = _smooth_circle(np.bincount(codes, strength.ravel(), BINS).astype(np.float64))
    degrees = float(smooth.argmax() * 90 / BINS)
    along, crosswise = (_roughness(small, candidate) for candidate in (degrees, degrees - 90))
    best = degrees if along >= crosswise else degrees - 90
    return best if best > -90 else best + 180


def _smooth_circle(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = int(4 * SMOOTHING)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHING) ** 2)
    return np.convolve(np.pad(histogram, reach, mode="wrap"), kernel / kernel.sum(), mode="valid")


def _roughness(grey: NDArray[np.uint8], degrees: float) -> float:
    """How much the mean grey of neighbouring lines differs, for lines that run along `degrees`."""
    height, width = grey.shape
    radius = int(INNER_SHARE * max(height, width))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    matrix[:, 2] += radius - (width - 1) / 2, radius - (height - 1) / 2
    side = 2 * radius + 1
    disc = cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = disc.astype(np.float32).mean(axis=1)
    return float(np.square(np.diff(profile)).mean())
