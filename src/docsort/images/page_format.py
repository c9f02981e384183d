"""How a page is laid out before any member sees it: straightened, letterboxed, stored as JPEG.

Renders and new photos go through the same function, so that what is learnt, judged and answered is the same kind of
picture down to the artefacts of its compression.

Legend of shapes: H, W a page as it came, S side of the square.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.errors import StorageError
from docsort.images.letterbox import letterbox
from docsort.images.reading import decode_rgb
from docsort.images.resizing import shrink_to_side
from docsort.images.straightening import straighten

FORMAT_VERSION = 1
"""Raise it whenever the same page would be laid out otherwise: cached renders and predictions no longer count."""

STRAIGHTENED_SCALE = 4
"""A page is straightened at most at this many times the stored side: a page that lies aslant fills half of its picture,
and twice the stored side should be left of it."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class PageFormat:
    """straighten: whether pages are laid straight and cut to their edges; jpeg_quality: 1 to 100."""

    straighten: bool
    jpeg_quality: int

    def stored(self, page: Image, side: int) -> bytes:
        """The JPEG file of a page (H, W, 3) as a square (side, side, 3)."""
        return self.finished(shrink_to_side(page, side * STRAIGHTENED_SCALE) if self.straighten else page, side)

    def finished(self, page: Image, side: int) -> bytes:
        """The same for a page that is already small."""
        return encode_jpeg(letterbox(straighten(page) if self.straighten else page, side), self.jpeg_quality)

    def square(self, page: Image, side: int) -> Image:
        """What a member sees of a page: (side, side, 3), stored and read again."""
        return decode_rgb(self.stored(page, side))

    def fingerprint(self) -> list[object]:
        """What decides the bytes besides the page."""
        return [FORMAT_VERSION, self.straighten, self.jpeg_quality, *_codecs()]


def encode_jpeg(square: Image, quality: int) -> bytes:
    """JPEG bytes of an RGB picture (H, W, 3)."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(square, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise StorageError(f"Expected OpenCV to encode a picture of shape {square.shape} as JPEG, but it did not.")
    return bytes(data)


@cache
def _codecs() -> tuple[str, ...]:
    return tuple(version(name) for name in ("opencv-python-headless", "pillow"))
