"""Picture files of every format that is read, of drawn pages."""

from io import BytesIO

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw

KINDS = ("JPEG", "progressive", "PNG", "TIFF", "packed TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
SIZE = (60, 84)
OPTIONS = {
    "progressive": ("JPEG", {"progressive": True}),
    "packed TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "JPEG2000": ("JPEG2000", {"irreversible": False}),
}


def drawn(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """White paper, with lines and a coloured box."""
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(page)
    for top in range(6, size[1] - 6, 8):
        pen.line((5, top, int(rng.integers(20, size[0] - 4)), top), fill=(30, 30, 60), width=2)
    pen.rectangle((8, 40, 30, 60), fill=tuple(rng.integers(60, 220, 3).tolist()))
    return page


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The file of a picture; kind: of KINDS, or as Pillow says."""
    buffer = BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(buffer, **{"quality": 90, **options})
        return buffer.getvalue()
    name, own = OPTIONS.get(kind, (kind, {}))
    image.save(buffer, name, **{**own, **options})
    return buffer.getvalue()


def pdf_of(*pages: Image.Image) -> bytes:
    """A page to a picture, 72 dots an inch."""
    buffer = BytesIO()
    pages[0].save(buffer, "PDF", save_all=True, append_images=pages[1:], resolution=72)
    return buffer.getvalue()


def tiff_of(*pages: Image.Image) -> bytes:
    """Several pages in a file."""
    buffer = BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()
