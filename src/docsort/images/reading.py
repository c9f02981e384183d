"""Reading pictures and pages of documents as RGB: the one place where they are decoded.

Pillow decodes, because it reports a truncated file where OpenCV silently fills it with grey; PDFium renders PDF.
Whatever a decoder raises becomes an UnreadableImageError with the reason, the same from run to run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from docsort.errors import InputError
from docsort.images.conversion import to_rgb
from docsort.images.formats import ADVICE, FORMATS, is_pdf, may_have_pages, open_picture, why_no_picture
from docsort.images.mending import check_png, mended
from docsort.images.pdf import count_pdf_pages, render_pdf_page

MAX_PIXELS = 178_956_970
"""Pillow's own bound against decompression bombs: above twice that it refuses; here it is the bound itself."""

MAX_PAGES = 1000

COMPUTING_SECONDS = 60
"""That a worker may decode one page for, see `work.survival`. The largest that are read take about twenty."""

REASON = b"docsort: no page\n"
"""What begins a file that stands for a page that could not be read; the reason follows."""

REDUCED, SUBFILE_TYPE = 1, 254
"""The bit, and the tag, by which a TIFF says that a page is only a small copy of another."""


class UnreadableImageError(InputError):
    """A file that is not a whole image."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """pixels: (H, W, 3) RGB as seen; mode, orientation: as the file says, see `tables.MEASURES`; pages: of the file;
    doubt: what is not sure about the values of the pixels, in words, or ""."""

    pixels: NDArray[np.uint8]
    mode: str
    orientation: int
    pages: int
    doubt: str


def read_rgb(path: str | Path) -> NDArray[np.uint8]:
    """The image as it is meant to be seen: (H, W, 3) uint8 RGB, EXIF orientation applied, transparency on white.

    Of a file of several pages the first. Raises UnreadableImageError when the file is missing, empty, truncated, too
    large or no image.
    """
    return decode_rgb(read_file(path), str(path))


def read_file(path: str | Path) -> bytes:
    """Raises UnreadableImageError when it cannot be opened."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnreadableImageError(f"{path}: cannot be opened ({why})") from error


def killed_its_worker(name: str | Path, seconds: int = COMPUTING_SECONDS) -> UnreadableImageError:
    """For a photo whose decoding ended the process, see `work.survival`."""
    return UnreadableImageError(
        f"{name}: decoding it ended its worker, for want of memory or after {seconds} seconds of computing; "
        "save it anew as JPEG or PNG"
    )


def decode_rgb(data: bytes, name: str = "image") -> NDArray[np.uint8]:
    """Like `read_rgb`, from the bytes of a file; `name` stands in the error."""
    return decode(data, name).pixels


def decode(data: bytes, name: str = "image", page: int = 0) -> Decoded:
    """A page of a file, counted from 0, with what the file says of it. Raises UnreadableImageError alike."""
    if not data:
        raise UnreadableImageError(f"{name}: the file is empty")
    if data.startswith(REASON):
        raise UnreadableImageError(f"{name}: {data.removeprefix(REASON).decode(errors='replace')}")
    try:
        return _decode(data, page)
    except ImportError:  # of a library that reads the format: the photo is not to blame
        raise
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{name}: {error}") from error
    except Exception as error:
        try:
            whole = mended(data, lambda tried: _decode(tried, page).pixels)
            if whole is not None:
                return _decode(whole, page)
        except Exception:  # what was wrong at first is what is told
            pass
        is_unknown = isinstance(error, UnidentifiedImageError)
        why = why_no_picture(data) if is_unknown else f"not a whole image ({_told(error)})"
        raise UnreadableImageError(f"{name}: {why}") from error


def count_pages(data: bytes) -> int:
    """Pages of a file, 1 for pictures; small copies inside a TIFF are none. Raises UnreadableImageError alike."""
    if not may_have_pages(data[:1024]):
        return 1
    try:
        if is_pdf(data):
            return _bounded(count_pdf_pages(data))
        with open_picture(data) as image:
            return len(_frames(image))
    except (UnreadableImageError, ImportError):
        raise
    except Exception as error:
        raise UnreadableImageError(f"not a whole image ({_told(error)})") from error


def count_pixels(data: bytes) -> int:
    """Of the largest page of a picture, as the file says it, nothing being decoded; 0 for PDF, whose pages are as large
    as they are rendered, and for what cannot be opened."""
    try:
        with open_picture(data) as image:
            sizes = []
            for frame in _frames(image):
                if frame:
                    image.seek(frame)
                sizes.append(image.width * image.height)
            return max(sizes)
    except Image.DecompressionBombError:
        return 2 * MAX_PIXELS
    except ImportError:
        raise
    except Exception:  # told where it is decoded
        return 0


def pixels_of(image: Image.Image, name: str = "image") -> NDArray[np.uint8]:
    """The same of a Pillow image, which may not be read yet."""
    if image.format is not None and image.format not in (*FORMATS, "MPO"):
        raise UnreadableImageError(f"{name}: not a picture of a format that is read but {image.format}; {ADVICE}")
    try:
        return _decode_image(image, 1).pixels
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{name}: {error}") from error
    except Exception as error:
        raise UnreadableImageError(f"{name}: not a whole image ({_told(error)})") from error


def _decode(data: bytes, page: int) -> Decoded:
    if is_pdf(data):
        pages = _bounded(count_pdf_pages(data))
        return Decoded(render_pdf_page(data, page), "RGB", 1, pages, "")
    with open_picture(data) as image:
        frames = _frames(image)
        if frames[page] != 0:
            image.seek(frames[page])
        check_png(data)
        return _decode_image(image, len(frames))


def _decode_image(image: Image.Image, pages: int) -> Decoded:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(
            f"{image.width}×{image.height} pixels are more than {MAX_PIXELS}; scan it with fewer dots per inch"
        )
    mode, orientation = image.mode, _orientation(image)
    is_turned = _load(image, orientation)
    pixels, doubt = to_rgb(image, 1 if is_turned else orientation)
    return Decoded(pixels, mode, orientation, pages, doubt)


def _load(image: Image.Image, orientation: int) -> bool:
    """Decodes; returns whether that has turned it, as it does a TIFF.

    Meanwhile Pillow believes that there is no more EXIF than that: it would read and rewrite what may be broken.
    """
    exif, image._exif = image._exif, Image.Exif()
    image._exif._loaded = True
    if image.format == "TIFF":
        image._exif[ExifTags.Base.Orientation] = orientation
        image.load()
        return True
    try:
        image.load()
    finally:
        image._exif = exif
    return False


def _orientation(image: Image.Image) -> int:
    """By EXIF, 1 to 8; 1 where it does not say, or cannot be read: the pixels are whole all the same."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return int(value) if value in range(1, 9) else 1


def _frames(image: Image.Image) -> list[int]:
    """Where the pages of an opened picture are; one that cannot be reached counts, for it is missing."""
    if image.format != "TIFF":
        return [0]
    pages: list[int] = []
    for frame in range(MAX_PAGES + 1):
        try:
            image.seek(frame)
            if not int(image.tag_v2.get(SUBFILE_TYPE, 0)) & REDUCED:  # type: ignore[attr-defined]
                pages.append(frame)
        except EOFError:
            break
        except Exception:
            pages.append(frame)
            break
    else:
        _bounded(MAX_PAGES + 1)
    image.seek(0)
    return pages or [0]


def _bounded(pages: int) -> int:
    if pages > MAX_PAGES:
        raise UnreadableImageError(f"more than {MAX_PAGES} pages are not read; split the file")
    return pages


def _told(error: Exception) -> str:
    """What an error says, without the addresses of objects, which differ from run to run."""
    words = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", str(error)).strip()
    return words or {"MemoryError": "memory ran out"}.get(type(error).__name__, type(error).__name__)
