"""Reading image files as RGB: the one place where an image is decoded.

Pillow decodes, because it reports a truncated file where OpenCV silently fills it with grey.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from docsort.errors import InputError

MAX_PIXELS = 178_956_970
"""Pillow's own bound against decompression bombs: above twice that it refuses; here it is the bound itself."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for a file that is not a whole image."""


class UnreadableImageError(InputError):
    """A file that is not a whole image."""


def read_rgb(path: str | Path) -> NDArray[np.uint8]:
    """The image as it is meant to be seen: (H, W, 3) uint8 RGB, EXIF orientation applied, transparency on white.

    Raises UnreadableImageError when the file is missing, empty, truncated, too large or no image.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"{path}: cannot be opened ({error.strerror})") from error
    return decode_rgb(data, str(path))


def decode_rgb(data: bytes, name: str = "image") -> NDArray[np.uint8]:
    """Like `read_rgb`, from the bytes of a file; `name` stands in the error."""
    if not data:
        raise UnreadableImageError(f"{name}: the file is empty")
    try:
        with Image.open(BytesIO(data)) as image:
            return pixels_of(image, name)
    except UnreadableImageError:
        raise
    except BROKEN as error:
        raise UnreadableImageError(f"{name}: not a whole image ({error})") from error


def pixels_of(image: Image.Image, name: str = "image") -> NDArray[np.uint8]:
    """The same of a Pillow image, which may not be read yet."""
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(f"{name}: {image.width}×{image.height} pixels are more than {MAX_PIXELS}")
    try:
        image.load()
        return np.asarray(to_rgb(ImageOps.exif_transpose(image)))
    except BROKEN as error:
        raise UnreadableImageError(f"{name}: not a whole image ({error})") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB; transparent pixels become white, 16-bit grey is scaled to 8 bits."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(page, layer).convert("RGB")
    return image.convert("RGB")
