"""What an ensemble takes for a page, and which of many pages are the same.

Legend of shapes: N pages, U different ones, H, W a page as it came.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docsort.errors import InputError
from docsort.images.reading import (
    COMPUTING_SECONDS,
    UnreadableImageError,
    decode_rgb,
    killed_its_worker,
    pixels_of,
    read_rgb,
)
from docsort.members.cache import DIGITS
from docsort.stores import file_digest
from docsort.work.survival import computing_limit, map_surviving

SCREENED = 8
"""Pages that a worker decodes at a time when the killer among them is looked for."""

Photo = Path | bytes | NDArray[np.uint8] | UnreadableImageError
"""A path, the bytes of a file, pixels (H, W, 3), or why a picture that was already open has none."""


@dataclass(frozen=True, eq=False)
class Listed:
    """Pages as they were given: names (N,), photos and keys (U,) of the different ones, which are predicted once;
    places (N,): which of them each page is."""

    names: list[str]
    photos: list[Photo]
    keys: NDArray[np.str_]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, pages: Any, names: Sequence[str] | None) -> "Listed":
        """Raises InputError for what is no page, and for names that are not as many."""
        photos = as_photos(pages)
        keys = np.array([_page_key(photo)[:DIGITS] for photo in photos], dtype=f"<U{DIGITS}")
        unique, firsts, places = np.unique(keys, return_index=True, return_inverse=True)
        return cls(_names(photos, names), [photos[row] for row in firsts.tolist()], unique, places)


def as_photos(pages: Any) -> list[Photo]:
    """One page or many, each a path, the bytes of a file, a PIL image, or an array (H, W) or (H, W, 3) uint8.

    Raises InputError for anything else.
    """
    single = isinstance(pages, str | Path | bytes | Image.Image) or (isinstance(pages, np.ndarray) and pages.ndim < 4)
    try:
        listed = [pages] if single else list(pages)
    except TypeError:
        listed = [pages]
    return [_photo(page) for page in listed]


def decode(photos: Sequence[Photo], in_worker: bool) -> tuple[dict[int, NDArray[np.uint8]], dict[int, str]]:
    """Pixels of the pages that can be read, and why the others cannot. A worker is ended by one that takes for ever."""
    decoded, problems = {}, {}
    for row, photo in enumerate(photos):
        try:
            with computing_limit(COMPUTING_SECONDS) if in_worker else nullcontext():
                decoded[row] = _pixels(photo)
        except UnreadableImageError as error:
            problems[row] = str(error)
    return decoded, problems


def killers(photos: Sequence[Photo]) -> dict[int, UnreadableImageError]:
    """By row, the photos whose decoding kills its worker."""
    tasks = [(photo,) for photo in photos]
    return {row: error for row, error in enumerate(map_surviving(_try, tasks, SCREENED, _killer)) if error is not None}


def _try(photo: Photo) -> UnreadableImageError | None:
    """In a worker: nothing, if decoding it has not ended the process."""
    decode([photo], in_worker=True)
    return None


def _killer(photo: Photo) -> UnreadableImageError | None:
    return killed_its_worker(photo if isinstance(photo, Path) else "page")


def _pixels(photo: Photo) -> NDArray[np.uint8]:
    if isinstance(photo, UnreadableImageError):
        raise photo
    if isinstance(photo, np.ndarray):
        return photo
    return decode_rgb(photo, "page") if isinstance(photo, bytes) else read_rgb(photo)


def _photo(page: Any) -> Photo:
    if isinstance(page, bytes):
        return page
    if isinstance(page, str | Path):
        return Path(page).expanduser().absolute()
    if isinstance(page, Image.Image):
        try:
            return pixels_of(page, "page")
        except UnreadableImageError as error:
            return error
    if isinstance(page, np.ndarray) and page.dtype == np.uint8 and page.ndim in (2, 3) and page.size:
        rgb = np.stack([page] * 3, axis=2) if page.ndim == 2 else page
        if rgb.shape[2] == 3:
            return np.ascontiguousarray(rgb)
    shown = f"{page.dtype} {page.shape}" if isinstance(page, np.ndarray) else type(page).__name__
    raise InputError(
        "Expected a page to be a path, the bytes of an image file, a PIL image, or an array (H, W) or (H, W, 3) of "
        f"uint8 in RGB, but got {shown}; convert it first."
    )


def _names(photos: Sequence[Photo], names: Sequence[str] | None) -> list[str]:
    given = [str(page) if isinstance(page, Path) else f"page {number}" for number, page in enumerate(photos)]
    listed = given if names is None else [str(name) for name in names]
    if len(listed) != len(photos):
        raise InputError(f"Expected a name for each of {len(photos)} pages, but got {len(listed)}.")
    return listed


def _page_key(photo: Photo) -> str:
    if isinstance(photo, Path):
        try:
            return file_digest(str(photo))
        except OSError:  # it cannot be read, which is said where it is decoded
            return sha256(str(photo).encode(errors="surrogateescape")).hexdigest()
    if isinstance(photo, np.ndarray):
        return sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest()
    return sha256(photo if isinstance(photo, bytes) else str(photo).encode()).hexdigest()
