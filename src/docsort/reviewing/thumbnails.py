"""Thumbnails: photos shrunk to a side, as JPEG."""

from collections.abc import Mapping
from io import BytesIO

from PIL import Image

from docsort.chunks import map_chunks
from docsort.images.reading import read_rgb
from docsort.images.resizing import shrink_to_side
from docsort.work.executor import executor

QUALITY = 85
CHUNK = 16


def small_jpeg(path: str, side: int) -> bytes:
    """The photo as it is meant to be seen, its longer side at most `side` pixels. Raises UnreadableImageError."""
    buffer = BytesIO()
    Image.fromarray(shrink_to_side(read_rgb(path), side)).save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def small_jpegs(paths: Mapping[str, str], side: int) -> dict[str, bytes]:
    """The same of many photos by image id, made by the workers."""
    pictures = map_chunks(executor().map, small_jpeg, [(path, side) for path in paths.values()], CHUNK)
    return dict(zip(paths, pictures, strict=True))
