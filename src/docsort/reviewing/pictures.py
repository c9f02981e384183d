"""Photos made small for the eye, as JPEG."""

from collections.abc import Iterable, Mapping
from io import BytesIO

from PIL import Image

from docsort.images.reading import read_rgb
from docsort.images.resizing import shrink_to_side
from docsort.workers import map_in_workers

QUALITY = 85
CHUNK = 16


def small_jpeg(path: str, side: int) -> bytes:
    """The photo as it is meant to be seen, its longer side at most `side` pixels. Raises UnreadableImageError."""
    buffer = BytesIO()
    Image.fromarray(shrink_to_side(read_rgb(path), side)).save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def small_jpegs(paths: Mapping[str, str], side: int) -> dict[str, bytes]:
    """The same of many photos by image id, made by the workers."""
    items = sorted(paths.items())
    tasks = [(items[start : start + CHUNK], side) for start in range(0, len(items), CHUNK)]
    return {image_id: picture for chunk in map_in_workers(_chunk, tasks) for image_id, picture in chunk}


def _chunk(items: Iterable[tuple[str, str]], side: int) -> list[tuple[str, bytes]]:
    return [(image_id, small_jpeg(path, side)) for image_id, path in items]
