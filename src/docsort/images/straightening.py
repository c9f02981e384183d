"""Deskewing: lines made horizontal, and margins without edges cut off.

The angle is that of `images.skew`, so a page may still lie on its side, upside down or mirrored: one of the eight
dihedral turns is left over. What is cut off has next to no edges, as the white that turning adds.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.images.letterbox import WHITE
from docsort.images.resizing import shrink_to_side
from docsort.images.skew import line_direction

MEASURED_SIDE = 256
OUTER_EDGES = 0.005
"""Share of the strength of all edges that is left out at each end of the page."""

MARGIN = 0.02
"""Of the longer side, kept around what is left."""

Image = NDArray[np.uint8]


def straighten(page: Image) -> Image:
    """The page (H, W, 3) turned so that its lines run along the rows, cut to what is drawn on it; white where it had no
    pixels. A blank page comes back as it is.
    """
    return cut_to_edges(rotate_whole(page, -line_direction(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY))))


def rotate_whole(page: Image, degrees: float) -> Image:
    """The page turned counter-clockwise about its middle, on a canvas that holds all of it."""
    if abs(degrees) < 0.25:
        return page
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = round(height * sine + width * cosine), round(height * cosine + width * sine)
    matrix[:, 2] += (wide - width) / 2, (high - height) / 2
    return np.asarray(cv2.warpAffine(page, matrix, (wide, high), borderValue=(WHITE, WHITE, WHITE)), dtype=np.uint8)


def cut_to_edges(page: Image) -> Image:
    """The part of a page that holds nearly all of its edges, and a margin; the page itself where there are none."""
    rows, columns = edge_span(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY))
    return np.ascontiguousarray(page[rows, columns])


def edge_span(grey: NDArray[np.uint8], outer: float = OUTER_EDGES, margin: float = MARGIN) -> tuple[slice, slice]:
    """Rows and columns of a grey page (H, W) between which all edges lie but the share `outer` at each end."""
    small = shrink_to_side(grey, MEASURED_SIDE)
    strength = cv2.magnitude(*(cv2.Sobel(small, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))))
    if not strength.any():
        return slice(0, grey.shape[0]), slice(0, grey.shape[1])
    spare, cuts = margin * max(grey.shape), []
    for axis, length in ((1, grey.shape[0]), (0, grey.shape[1])):
        reached = np.cumsum(strength.sum(axis=axis, dtype=np.float64)) / strength.sum(dtype=np.float64)
        first, last = np.searchsorted(reached, (outer, 1 - outer)) * (length / len(reached))
        end = last + length / len(reached)
        cuts.append(slice(max(0, int(first - spare)), min(length, int(np.ceil(end + spare)))))
    return cuts[0], cuts[1]
