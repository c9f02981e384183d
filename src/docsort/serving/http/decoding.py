"""An upload taken apart into pages, in a process that it may end: one that hangs or dies costs its own request only."""

import asyncio
from contextlib import suppress

from docsort.chunks import chunks
from docsort.errors import WorkerError
from docsort.images.formats import is_pdf
from docsort.images.reading import (
    REASON,
    UnreadableImageError,
    count_pages,
    count_pixels,
    decode_rgb,
    killed_its_worker,
)
from docsort.ingestion.pages import page_picture
from docsort.serving.http.limits import DECODING_SECONDS, MEGABYTE, Limits, Refused
from docsort.work.expendable import Expendables
from docsort.work.survival import computing_limit

DECODERS = 2
"""Processes: one that hangs leaves the other."""

PICTURES = 4
"""Times the megabytes of a request, that the pictures of its pages may have."""


async def pages_of(files: list[bytes], limits: Limits, decoders: Expendables) -> list[list[bytes]]:
    """The pages of each file, each as the bytes of a picture, as `docsort predict` takes it apart; a page that cannot
    be read says so to whoever reads it. Raises Refused where they are over the limits.
    """
    found: list[list[bytes]] = []
    pages, size = limits.pages, PICTURES * limits.megabytes * MEGABYTE
    for part in chunks(files, DECODERS):
        found += await asyncio.gather(*(_pages_of(data, pages, size, limits, decoders) for data in part))
        pages = limits.pages - sum(map(len, found))
        size -= sum(len(page) for own in found[-len(part) :] for page in own)
        if pages < 0:
            raise too_many_pages(limits.pages)
    return found


async def _pages_of(data: bytes, pages: int, size: int, limits: Limits, decoders: Expendables) -> list[bytes]:
    task = decoders.submit(limits.seconds, take_apart, data, pages, limits.megapixels, size)
    try:
        return await asyncio.wrap_future(task) or [data]
    except WorkerError:
        return [REASON + str(killed_its_worker("page", DECODING_SECONDS)).removeprefix("page: ").encode()]


def take_apart(data: bytes, most_pages: int, most_megapixels: int, most_bytes: int) -> list[bytes]:
    """In a process of its own: the pictures of the pages; none where the file itself is the picture of its page, which
    is decoded here all the same, to see that it can be.
    """
    with computing_limit(DECODING_SECONDS):
        try:
            count = count_pages(data)
        except UnreadableImageError:
            return []
        if count > most_pages:
            raise too_many_pages(most_pages)
        if count_pixels(data) > most_megapixels * 1_000_000:
            raise Refused(
                413, f"Expected pages of at most {most_megapixels} megapixels; scan with fewer dots per inch."
            )
        if count == 1 and not is_pdf(data):
            with suppress(UnreadableImageError):  # told where it is answered
                decode_rgb(data)
            return []
    pictures: list[bytes] = []
    for page in range(count):
        pictures.append(page_picture(data, page))
        if sum(map(len, pictures)) > most_bytes:
            raise Refused(413, "Expected pages that are smaller as pictures; send fewer of them in a request.")
    return pictures


def too_many_pages(most: int) -> Refused:
    return Refused(413, f"Expected at most {most} pages in a request; send them in several.")
