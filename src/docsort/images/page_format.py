"""How a page is laid out before a member sees it: straightened and letterboxed if it wants that, stored as JPEG.

Renders and new photos go through the same function, so that what is learnt, judged and answered is the same kind of
picture down to the artefacts of its compression.

Legend of shapes: H, W a page as it came, S side of a square, h, w a page as it is stored.
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


@dataclass(frozen=True, order=True)
class PageFormat:
    """What a member wants of a page. side: of its square, pixels; straighten: whether the page is laid straight and cut
    to its edges first; letterboxed: if not, it keeps its own shape and size, and is shrunk where its longer side has
    more than `side` pixels. jpeg_quality, 1 to 100, is common to all members."""

    side: int
    straighten: bool
    letterboxed: bool = True

    def __str__(self) -> str:
        size = f"{self.side} pixels{'' if self.letterboxed else ' at most, of their own shape'}"
        return f"{size}, {'laid straight' if self.straighten else 'as they lie'}"

    def stored(self, page: Image, jpeg_quality: int) -> bytes:
        """The JPEG file of a page (H, W, 3) as (h, w, 3), which is (S, S, 3) where it is letterboxed."""
        small = shrink_to_side(page, self.side * STRAIGHTENED_SCALE) if self.straighten else page
        return self.finished(small, jpeg_quality)

    def finished(self, page: Image, jpeg_quality: int) -> bytes:
        """The same for a page that is already small."""
        laid = straighten(page) if self.straighten else page
        return encode_jpeg((letterbox if self.letterboxed else shrink_to_side)(laid, self.side), jpeg_quality)

    def seen(self, page: Image, jpeg_quality: int) -> Image:
        """What a member sees of a page: (h, w, 3), stored and read again."""
        return decode_rgb(self.stored(page, jpeg_quality))

    def fingerprint(self, jpeg_quality: int) -> list[object]:
        """What decides the bytes besides the page and the side."""
        shape = () if self.letterboxed else ("its own shape",)
        return [FORMAT_VERSION, self.straighten, *shape, jpeg_quality, *_codecs()]


def encode_jpeg(page: Image, quality: int) -> bytes:
    """JPEG bytes of an RGB picture (H, W, 3)."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(page, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise StorageError(f"Expected OpenCV to encode a picture of shape {page.shape} as JPEG, but it did not.")
    return bytes(data)


@cache
def _codecs() -> tuple[str, ...]:
    return tuple(version(name) for name in ("opencv-python-headless", "pillow"))
