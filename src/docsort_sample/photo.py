"""Photographing a sheet: onto a table-top, slightly tilted, under uneven light, through a noisy camera.

Everything that falls on a page before it is saved upright and clean, as the training images are. What happens to the
test images afterwards is in `damage`.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort_sample.kinds import Kind
from docsort_sample.sheet import USUAL, Colour, Sheet, Variant, draw_look
from docsort_sample.wording import chance, pick

MOST_PIXELS = 512 * 512
"""The real photos were scaled down to at most this area."""

TILT = 1.6
"""Standard deviation of the tilt, in degrees."""

_TABLES: tuple[Colour, ...] = (
    (116, 96, 78),
    (148, 126, 106),
    (70, 64, 60),
    (104, 106, 110),
    (146, 146, 148),
    (54, 58, 66),
    (172, 160, 142),
)


def draw_photo(kind: Kind, rng: np.random.Generator, variant: Variant = USUAL) -> NDArray[np.uint8]:
    """Draws one document of a kind and photographs it: (H, W, 3) RGB, upright, at most 512² pixels."""
    width, height = frame_size(pick(rng, kind.frames))
    corners, size = _placement(kind, width, height, rng)
    sheet = Sheet(*size, rng, draw_look(rng, kind.colour), variant)
    kind.draw(sheet)
    photo = _onto_table(np.asarray(sheet.image), corners, (width, height), rng)
    photo = _rgb(cv2.multiply(photo, _light((width, height), rng), scale=1 / 255))
    focus = float(rng.uniform(0.3, 0.6))
    photo = _rgb(cv2.GaussianBlur(photo, (3, 3), focus))
    return with_noise(photo, float(rng.uniform(0.5, 3.0)), rng)


def frame_size(aspect: float) -> tuple[int, int]:
    """Width and height in pixels of a photo with this width over height."""
    height = math.sqrt(MOST_PIXELS / aspect)
    return int(height * aspect), int(height)


def _placement(
    kind: Kind, width: int, height: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Where the four corners of the sheet (clockwise from top left) come to lie in the frame, and the sheet's size."""
    low, high = kind.fill
    share = 1 + abs(rng.normal(0, 0.02)) if high > 1 and chance(rng, 0.45) else rng.uniform(low, high)
    if kind.shapes:
        shape = pick(rng, kind.shapes)
        w = min(width * share, height * share * shape)
        h = w / shape
    else:
        w, h = width * share, height * (share + rng.uniform(-0.03, 0.03))
    angle = math.radians(float(np.clip(rng.normal(0, TILT), -5, 5)))
    slack = np.maximum(np.array([width - w, height - h]) / 2, 0)
    centre = np.array([width / 2, height / 2]) + rng.uniform(-0.7, 0.7, 2) * slack
    square = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    corners = square @ turn + centre + rng.normal(0, 0.006, (4, 2)) * [w, h]
    return corners.astype(np.float32), (max(round(w), 16), max(round(h), 16))


def _onto_table(
    sheet: NDArray[np.uint8], corners: NDArray[np.float32], size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The sheet with its shadow on a table-top; `size` is (width, height) of the photo."""
    h, w = sheet.shape[:2]
    photo = _table_top(size, rng)
    shadow = corners + np.array(size) * rng.uniform(0.004, 0.014, 2)
    cv2.fillConvexPoly(photo, shadow.round().astype(np.int32), (34, 32, 32))
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], dtype=np.float32), corners)
    # A transparent border leaves the table-top where the sheet does not reach.
    cv2.warpPerspective(sheet, matrix, size, photo, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return photo


def _table_top(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A plain, mottled or grained surface."""
    base = np.array(pick(rng, _TABLES), dtype=np.float32)
    cells = pick(rng, ((3, 3), (40, 4), (4, 60), (24, 24)))
    pattern = base + rng.normal(0, rng.uniform(2, 12), (*cells, 1)).astype(np.float32)
    grain = np.clip(pattern, 0, 255).astype(np.uint8)
    return _rgb(cv2.resize(grain, size, interpolation=cv2.INTER_LINEAR))


def _light(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A smooth field of light, 255 being full: exposure, fall-off to one side, at times a soft shadow, a warm cast."""
    exposure = float(np.clip(rng.normal(0.83, 0.09), 0.55, 1.0))
    ys, xs = np.mgrid[-1:1:9j, -1:1:9j]
    angle, fall = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.16)
    field = exposure * (1 + fall * (np.cos(angle) * xs + np.sin(angle) * ys))
    if chance(rng, 0.35):
        distance = np.cos(angle) * ys - np.sin(angle) * xs + rng.uniform(-0.5, 0.5)
        field *= 1 - rng.uniform(0.08, 0.25) / (1 + np.exp(-distance * 6))
    cast = 1 + np.array([0.5, 0.0, -1.0]) * rng.normal(0.0, 0.02)
    light = np.clip(field[..., None] * cast * 255, 0, 255).astype(np.uint8)
    return _rgb(cv2.resize(light, size, interpolation=cv2.INTER_LINEAR))


def with_noise(photo: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Adds grey Gaussian noise of this standard deviation in grey levels.

    The noise is drawn for 192² pixels and repeated: a tenth of the time, and nobody can see it.
    """
    height, width = photo.shape[:2]
    noise = rng.standard_normal((192, 192), dtype=np.float32) * strength + 128
    tile = np.clip(noise, 0, 255).astype(np.uint8)
    layer = np.tile(tile, (height // 192 + 1, width // 192 + 1))[:height, :width]
    return _rgb(cv2.addWeighted(photo, 1, cv2.cvtColor(layer, cv2.COLOR_GRAY2RGB), 1, -128))


def _rgb(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The same array, known to be of bytes."""
    return image.astype(np.uint8, copy=False)
