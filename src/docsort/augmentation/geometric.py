"""Geometric operations: pixels move, what comes in from outside is white."""

from typing import Any

import cv2
import numpy as np

from docsort.augmentation.context import Context, Image
from docsort.augmentation.libraries import apply_albumentations, transform_of
from docsort.images.dihedral import apply_turn
from docsort.images.letterbox import WHITE

_WHITE_OUTSIDE: dict[str, Any] = {"border_mode": cv2.BORDER_CONSTANT, "fill": (WHITE, WHITE, WHITE)}
"""Three numbers, because OpenCV takes a single one as the first channel only and fills with red."""


def dihedral(page: Image, context: Context, turn: int) -> Image:
    """One of the eight exact turns."""
    return np.ascontiguousarray(apply_turn(page, int(turn)))


def rotate(page: Image, context: Context, degrees: float) -> Image:
    """Counter-clockwise; the picture grows so that no corner of the page is lost."""
    turn = transform_of("Affine", fit_output=True, **_WHITE_OUTSIDE)
    return apply_albumentations(turn, page, context, rotate=(degrees, degrees))


def shift_scale(page: Image, context: Context, shift_x: float, shift_y: float, scale: float) -> Image:
    """Around the centre, on a canvas of the page's size."""
    scales = {"x": (scale, scale), "y": (scale, scale)}
    shifts = {"x": (shift_x, shift_x), "y": (shift_y, shift_y)}
    move = transform_of("Affine", **_WHITE_OUTSIDE)
    return apply_albumentations(move, page, context, scale=scales, translate_percent=shifts, translate_px=None)


def stretch(page: Image, context: Context, ratio: float) -> Image:
    """Width over height changes by `ratio`, the area stays."""
    return stretch_page(page, ratio)


def stretch_page(page: Image, ratio: float) -> Image:
    """Bilinear; width over height changes by `ratio`, the area stays."""
    height, width = page.shape[:2]
    size = max(1, round(width * ratio**0.5)), max(1, round(height / ratio**0.5))
    return np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def perspective(page: Image, context: Context, amount: float) -> Image:
    """The corners move inwards by random amounts; the result holds the whole page."""
    tilt = transform_of("Perspective", keep_size=True, fit_output=True, **_WHITE_OUTSIDE)
    return apply_albumentations(tilt, page, context, scale=(amount, amount))


def grid_distortion(page: Image, context: Context, amount: float) -> Image:
    """A grid of 5 by 5 cells, each line moved by up to `amount` of a cell."""
    bend = transform_of("GridDistortion", num_steps=5, **_WHITE_OUTSIDE)
    return apply_albumentations(bend, page, context, distort_limit=(-amount, amount))


def optical_distortion(page: Image, context: Context, amount: float) -> Image:
    """Barrel (negative) or pincushion."""
    bend = transform_of("OpticalDistortion", **_WHITE_OUTSIDE)
    return apply_albumentations(bend, page, context, distort_limit=(amount, amount))


def crop(page: Image, context: Context, share: float, side: int) -> Image:
    """Cuts `share` of the height or width off one side: 0 top, 1 right, 2 bottom, 3 left."""
    return crop_side(page, share, int(side))


def crop_side(page: Image, share: float, side: int) -> Image:
    """A view of what is left; at least one pixel is."""
    height, width = page.shape[:2]
    rows, columns = min(height - 1, round(height * share)), min(width - 1, round(width * share))
    return (page[rows:], page[:, : width - columns], page[: height - rows], page[:, columns:])[side]
