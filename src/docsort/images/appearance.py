"""How a page looks, in the few measures that a person has words for: a choice of `images.traits`, and the size.

They are those that the damage of validation pages is fitted by, so a page that is damaged in a new way differs in them.
Legend of shapes: N pages, T traits, A measures of appearance.
"""

from collections.abc import Sequence
from datetime import date, datetime

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags

from docsort.images.formats import is_pdf, open_picture
from docsort.images.reading import COMPUTING_SECONDS, UnreadableImageError, decode_rgb, read_file
from docsort.images.traits import TRAITS, page_traits
from docsort.work.survival import computing_limit, map_surviving

APPEARANCE = ("brightness", "contrast", "saturation", "sharpness", "noise", "tilt", "turn", "shape", "size")
"""brightness, contrast, noise: grey levels; saturation: 0 to 255, without its grain; sharpness: natural log of 1 +
variance of the Laplacian; tilt: degrees between the lines and the nearest side, 0 to 45; turn: between the lines and
the level, 0 to 90; shape: log of width over height; size: log of millions of pixels."""

FROM_TRAITS = {
    "brightness": "brightness",
    "contrast": "contrast",
    "saturation": "saturation_coarse",
    "sharpness": "sharpness_1",
    "noise": "noise",
    "tilt": "off_axis",
    "turn": "skew",
    "shape": "aspect",
}
CHUNK = 32
TAKEN_ON = ExifTags.Base.DateTimeOriginal

Floats = NDArray[np.float32]


def appearance_of_traits(traits: Floats, pixels: Sequence[float]) -> Floats:
    """(N, A) in the order of APPEARANCE, of traits (N, T) and the number of pixels of each page, NaN if not known."""
    columns = {name: traits[:, TRAITS.index(trait)] for name, trait in FROM_TRAITS.items()}
    columns["turn"] = np.abs(columns["turn"])
    columns["size"] = np.log(np.asarray(pixels, dtype=np.float32) / 1e6)
    return np.stack([columns[name] for name in APPEARANCE], axis=1).astype(np.float32)


def measure_appearance(paths: Sequence[str]) -> Floats:
    """(N, A), measured by the workers; a row of NaN for a page that cannot be read."""
    if not len(paths):
        return np.zeros((0, len(APPEARANCE)), dtype=np.float32)
    return np.stack(map_surviving(_appearance, [(path,) for path in paths], CHUNK, _unknown))


def days_taken(paths: Sequence[str]) -> list[date | None]:
    """The day that each file's EXIF says it was photographed on, read by the workers; None where it says none."""
    return map_surviving(_taken_on, [(path,) for path in paths], CHUNK, _no_day)


def _taken_on(path: str) -> date | None:
    try:
        data = read_file(path)
        if is_pdf(data):
            return None
        with open_picture(data) as image:
            text = image.getexif().get_ifd(ExifTags.IFD.Exif).get(TAKEN_ON, "")
        return datetime.strptime(str(text)[:10], "%Y:%m:%d").date()
    except Exception:  # whatever is wrong in it, the file says no day, and that is told
        return None


def _no_day(path: str) -> None:
    """For a file that killed its worker."""


def _appearance(path: str) -> Floats:
    """In a worker."""
    cv2.setNumThreads(0)
    try:
        with computing_limit(COMPUTING_SECONDS):
            page = decode_rgb(read_file(path), path)
            rows = appearance_of_traits(page_traits(page)[None], [page.shape[0] * page.shape[1]])
            return np.asarray(rows[0])
    except UnreadableImageError:  # its answer says why
        return _unknown(path)


def _unknown(path: str) -> Floats:
    return np.full(len(APPEARANCE), np.nan, dtype=np.float32)
