"""Which files are pictures: the formats that are read, told by their content, and what other files are instead.

A format that is not listed is never handed to a decoder: some of Pillow's start another program (EPS is PostScript,
which is code, and would run in Ghostscript).
"""

import re
import warnings
from functools import cache
from io import BytesIO

from PIL import Image

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
"""As Pillow names them, which opens MPO as JPEG; PPM stands for PBM and PGM too. PDF is read as well. docs/data.md has
the list for users."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".pdf"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif", ".hif"),
)
"""How names of such files end, in lower case."""

ADVICE = "save it as JPEG, PNG or PDF"

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # `reading.MAX_PIXELS` is the bound

PICTURES: tuple[tuple[bytes, str], ...] = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n", "PNG"),
    (rb"(II|MM)(\*\0|\0\*|\+\0|\0\+)", "TIFF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"BM", "BMP"),
    (rb"GIF8", "GIF"),
    (rb"P[1-6fF]\s", "PNM"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"....ftypavi[fs]", "AVIF"),
    (rb"....ftyp(he[iv][cxms]|mif1|msf1)", "HEIC"),
)
"""First bytes of what is read, and what it is called."""

OTHERS: tuple[tuple[str, str], ...] = (
    (r"%!PS|\xc5\xd0\xd3\xc6|\x04%!PS", "PostScript, which is a program"),
    (r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", "an SVG drawing"),
    (r"\s*(<!doctype html|<html|<head|<body)", "a web page"),
    (r"PK\x03\x04.{0,3000}(word/|xl/|ppt/|mimetypeapplication/vnd)", "an office document"),
    (r"PK[\x03\x05]|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ", "an archive; unpack it"),
    (r"\xd0\xcf\x11\xe0|\{\\rtf", "an office document"),
    (r"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]|....(moov|mdat)", "a video"),
    (r"RIFF....WAVE|ID3|OggS|fLaC", "sound"),
    (r"8BPS", "a Photoshop document"),
    (r"\0\0\x01\0", "an icon"),
    (r"MZ|\x7fELF|#!", "a program"),
    (r"version https://git-lfs", "a pointer of Git LFS; fetch the file itself by `git lfs pull`"),
    (r"\0+$", "nothing but zeros"),
)
"""First bytes, and what they are the beginning of."""

START = 4096
"""Bytes that are looked at."""


def open_picture(data: bytes) -> Image.Image:
    """Opened, not decoded. Raises what Pillow raises, UnidentifiedImageError for what is not in FORMATS."""
    _register_heif()
    return Image.open(BytesIO(data), formats=FORMATS)


def is_picture(start: bytes) -> bool:
    """Whether a file of these first bytes means to be a picture, a PDF not among them."""
    return _name_of_picture(start) is not None


def is_pdf(start: bytes) -> bool:
    """Whether it is a PDF, which may begin with something else."""
    return b"%PDF-" in start[:1024] and not is_picture(start)


def may_have_pages(start: bytes) -> bool:
    """Whether it may hold several pages: PDF, TIFF."""
    return is_pdf(start) or _name_of_picture(start) == "TIFF"


def why_no_picture(data: bytes) -> str:
    """What a file is whose format cannot be told, or not be read, and what to do: the end of a sentence."""
    start = data[:START]
    picture = _name_of_picture(start)
    if picture is not None:
        why = f"it begins as {picture}, but is damaged or of a kind that is not read"
        return f"not a whole image ({why}); replace it, or {ADVICE}"
    what = next((what for pattern, what in OTHERS if re.match(pattern.encode("latin1"), start, re.DOTALL | re.I)), None)
    if what is None and _is_text(start):
        what = "text"
    if what is None:
        return f"not a picture of a format that is read; {ADVICE}"
    return f"not a picture but {what}; {ADVICE}"


def _name_of_picture(start: bytes) -> str | None:
    return next((name for pattern, name in PICTURES if re.match(pattern, start, re.DOTALL)), None)


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(start) - 4 and all(sign.isprintable() or sign.isspace() for sign in text)


@cache
def _register_heif() -> None:
    from pi_heif import register_heif_opener

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
