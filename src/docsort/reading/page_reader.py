"""How a page is read that may lie on its side, upside down or mirrored: at the price of a few lines more.

Lines are found once, as the page is. Their long sides say how the text runs, but for its sense; which sense that is,
and whether the page is mirrored, is asked of two lines, in four views each. Then the largest lines are read in the view
that was read most surely.

Legend of shapes: H, W a page, h, w a line that was cut straight, B boxes.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.images.resizing import shrink_to_side
from docsort.reading.engines import Engine
from docsort.reading.text import Box, PageText, TextLine

READING_VERSION = 1
"""Raise it when the same engine would be made to read the same page otherwise."""

LARGEST = 2400
"""Pixels of the longer side of a page; a larger one is shrunk."""

ASKED = 2
"""Lines that are asked for the view."""

SURE = 3.0
"""Letters, each counted by its squared confidence, that have to be read for the view to be named."""

HEIGHT, LONGEST = 48, 60
"""Pixels of a line's height as it is read, and its width at most, in heights."""

UPRIGHT = 2.0
"""A box that is so many times as high as it is long, in a page's direction, is no line of that direction."""

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]

VIEWS: list[tuple[Callable[[Image], Image], tuple[int, int, int, int]]] = [
    (lambda line: line, (0, 1, 2, 3)),
    (lambda line: line[::-1, ::-1], (2, 3, 0, 1)),
    (lambda line: line[:, ::-1], (1, 0, 3, 2)),
    (lambda line: line[::-1], (3, 2, 1, 0)),
]
"""A line as it is, by half a turn, mirrored, and both, each with the corners of its box in the order of reading."""


def read_page(page: Image, engine: Engine, lines: int) -> PageText:
    """What the engine reads of a page (H, W, 3) RGB: its `lines` largest lines at most."""
    small = shrink_to_side(page, LARGEST)
    boxes, degrees = along_the_text(engine.detect(small))
    if not len(boxes):
        return PageText()
    heights, lengths = _sides(boxes)
    cut = [cut_straight(small, box) for box in boxes]
    view, is_sure = _find_view([cut[row] for row in np.argsort(-lengths, kind="stable")[:ASKED]], engine)
    turned, corners = VIEWS[view]
    largest = np.argsort(-heights, kind="stable")[:lines].tolist()
    read = engine.recognise([np.ascontiguousarray(turned(cut[row])) for row in largest])
    size = np.array(small.shape[1::-1], dtype=np.float64)
    found = [
        TextLine(text, confidence, _box(boxes[row][list(corners)] / size), float(heights[row] / size.max()))
        for row, (text, confidence) in zip(largest, read, strict=True)
        if text
    ]
    return PageText(tuple(found), upright_turn(degrees, view) if is_sure else None)


def along_the_text(boxes: Boxes) -> tuple[Boxes, float]:
    """The boxes (B, 4, 2) of one direction with their corners clockwise, from where a line of text begins, or ends, for
    all of them alike; and the direction, degrees in (-90, 90], clockwise from the page's right.

    The direction is the mean of the long sides, by how much longer they are than the others.
    """
    if not len(boxes):
        return boxes, 0.0
    edges = np.roll(boxes, -1, axis=1) - boxes
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    boxes = np.where(area[:, None, None] < 0, boxes[:, ::-1], boxes)
    edges = np.roll(boxes, -1, axis=1) - boxes
    sides = np.linalg.norm(edges, axis=2)  # (B, 4)
    doubled = np.exp(2j * np.arctan2(edges[:, :2, 1], edges[:, :2, 0]))  # (B, 2): a side's opposite counts alike
    degrees = float(np.degrees(np.angle((sides[:, :2] * doubled).sum())) / 2)
    towards = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    first = (edges @ towards / np.maximum(sides, 1e-6)).argmax(axis=1)
    order = (first[:, None] + np.arange(4)) % 4
    boxes = np.take_along_axis(boxes, order[:, :, None], axis=1)
    heights, lengths = _sides(boxes)
    return boxes[heights <= UPRIGHT * lengths], degrees


def upright_turn(degrees: float, view: int) -> int:
    """The turn of `images.dihedral` that lays a page upright whose text runs so, and is read in this of the VIEWS."""
    quarters = round(degrees / 90) % 4  # of the text clockwise, so of the page back
    is_mirrored, is_half = view >= 2, view % 2
    # Mirrored after it is turned by k is turned by -k after it is mirrored.
    return 4 + (2 * is_half - quarters) % 4 if is_mirrored else (quarters + 2 * is_half) % 4


def cut_straight(page: Image, box: Boxes) -> Image:
    """(h, w, 3) of a box (4, 2), its first side lying on top; h is HEIGHT."""
    high, long = (max(1, round(float(side))) for side in (value[0] for value in _sides(box[None])))
    corners = np.array([[0, 0], [long, 0], [long, high], [0, high]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(box.astype(np.float32), corners)
    line = cv2.warpPerspective(page, matrix, (long, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    width = max(HEIGHT // 2, min(round(long * HEIGHT / high), LONGEST * HEIGHT))
    smaller = high > HEIGHT
    sized = cv2.resize(line, (width, HEIGHT), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return np.asarray(sized, dtype=np.uint8)


def _find_view(lines: Sequence[Image], engine: Engine) -> tuple[int, bool]:
    """Which of the VIEWS is read most surely, and whether that says anything."""
    scores = []
    for turned, _ in VIEWS:
        read = engine.recognise([np.ascontiguousarray(turned(line)) for line in lines])
        scores.append(sum(confidence**2 * len(text) for text, confidence in read))
    best = int(np.argmax(scores))
    return best, scores[best] >= SURE


def _sides(boxes: Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heights and lengths (B,) in pixels of boxes whose first side lies along the text; means of opposite sides."""
    sides = np.linalg.norm(np.roll(boxes, -1, axis=1).astype(np.float64) - boxes, axis=2)
    return (sides[:, 1] + sides[:, 3]) / 2, (sides[:, 0] + sides[:, 2]) / 2


def _box(corners: NDArray[np.float64]) -> Box:
    first, second, third, fourth = ((float(x), float(y)) for x, y in corners)
    return first, second, third, fourth
