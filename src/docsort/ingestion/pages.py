"""Files of several pages, taken apart: every page a picture of its own, with an id of its own.

PDF and TIFF files, told by their content. Each page is extracted once, by the workers, into a store under what the file
holds; everything after this reads pictures.
"""

from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image

from docsort.errors import InputError, listing
from docsort.files import write_atomically
from docsort.images.formats import is_pdf, may_have_pages
from docsort.images.reading import (
    COMPUTING_SECONDS,
    REASON,
    UnreadableImageError,
    count_pages,
    decode,
    killed_its_worker,
    read_file,
)
from docsort.stores import Store, file_digest, fingerprint
from docsort.work.survival import computing_limit, map_surviving

PAGES_VERSION = 1
"""Raise it whenever the same file would give other pictures."""

CHUNK = 4


def split_pages(photos: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The table (image_id, path, …) with a row per page, in order: of a file of several pages `file.pdf#1`,
    `file.pdf#2` and so on, each the picture of its page; what has one page keeps its id.

    A page that cannot be read stays as a file that says so to whoever reads it. Raises InputError where the id of a
    page is that of another file.
    """
    many = [path for path in photos["path"] if _may_have_pages(path)]
    tasks = [(path, str(store.root)) for path in many]
    pages = dict(zip(many, map_surviving(extract_pages, tasks, CHUNK, _keep_reason), strict=True))
    rows = photos.assign(path=[pages.get(path, [path]) for path in photos["path"]])
    counts = rows["path"].map(len)
    numbers = [f"#{page}" if count > 1 else "" for count in counts for page in range(1, count + 1)]
    rows = rows.explode("path", ignore_index=True)
    rows["image_id"] = rows["image_id"] + pd.Series(numbers, dtype=object)
    twice = rows.loc[rows["image_id"].duplicated(), "image_id"]
    if len(twice):
        raise InputError(f"Expected no file to have the name of another's page, but got {listing(twice)}; rename it.")
    return rows


def extract_pages(path: str, root: str) -> list[str]:
    """In a worker: the pictures of the pages of a file, kept in the store; the file itself where it can be read as
    it is, or not at all, which is then told by whoever reads it.
    """
    try:
        data = read_file(path)
        count = count_pages(data)
    except UnreadableImageError:
        return [path]
    if count == 1 and not is_pdf(data):
        return [path]
    store, key = Store(Path(root)), _key(sha256(data).hexdigest())
    pictures = [store.folder(key) / f"{page:04}.png" for page in range(1, count + 1)]
    if store.finished(key) is None:
        for page, picture in enumerate(pictures):
            write_atomically(picture, page_picture(data, page))
        store.complete(key, {"version": PAGES_VERSION, "pages": count})
    return [str(picture) for picture in pictures]


def is_reason(picture: str) -> bool:
    """Whether a file is no picture, but says why there is none. Raises OSError."""
    with open(picture, "rb") as file:  # noqa: PTH123 (a hundred thousand times)
        return file.read(len(REASON)) == REASON


def page_digest(picture: str) -> str:
    """SHA-256 of the picture of a page, or of the file where that is the page; empty where there is nothing to see."""
    try:
        return "" if is_reason(picture) else file_digest(picture)
    except OSError:  # told where it is read
        return ""


def page_picture(data: bytes, page: int) -> bytes:
    """In a worker: the PNG of a page of a file, counted from 0; where it has none, REASON and why."""
    try:
        with computing_limit(COMPUTING_SECONDS):
            pixels = decode(data, f"page {page + 1}", page).pixels
    except UnreadableImageError as error:
        return REASON + str(error).encode()
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _keep_reason(path: str, root: str) -> list[str]:
    """For a file that killed its worker: one page that says so. Not complete, so that the next run tries again."""
    picture = Store(Path(root)).folder(_key(file_digest(path))) / "worker_died.txt"
    write_atomically(picture, REASON + str(killed_its_worker("one of its pages")).encode())
    return [str(picture)]


def _key(digest: str) -> str:
    return fingerprint("pages", PAGES_VERSION, digest, [version(name) for name in ("pillow", "pypdfium2")])


def _may_have_pages(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return may_have_pages(file.read(1024))
    except OSError:  # told where it is read
        return False
