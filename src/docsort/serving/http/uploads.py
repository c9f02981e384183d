"""The files of a request: a multipart form, or a body that is the file itself."""

import re
from collections.abc import AsyncGenerator

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from docsort.errors import UNSEEN
from docsort.serving.http.decoding import too_many_pages
from docsort.serving.http.limits import MEGABYTE, Limits, Refused, too_busy

FORM = "multipart/form-data"
RAW = re.compile(r"image/.*|application/(pdf|octet-stream)|")
"""Content types of a body that is the file itself; so is one of which nothing is said."""

LONGEST_NAME = 200


class Held:
    """Bytes of all uploads that are not answered yet."""

    def __init__(self, most: int) -> None:
        self._most, self._now = most, 0

    def add(self, count: int) -> None:
        """Raises Refused, 503, where that is more than may be held."""
        if self._now + count > self._most:
            raise too_busy()
        self._now += count

    def remove(self, count: int) -> None:
        self._now -= count


class Upload:
    """The files of one request, held while the block is entered."""

    def __init__(self, request: Request, limits: Limits, held: Held) -> None:
        self._request, self._limits, self._held, self._size = request, limits, held, 0

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *error: object) -> None:
        self._held.remove(self._size)

    def hold(self, count: int) -> None:
        """So many bytes more, until the request is answered. Raises Refused, 503, where that is too much."""
        self._held.add(count)
        self._size += count

    async def files(self) -> list[tuple[str, bytes]]:
        """Name and content of each file. Raises Refused for what is no upload, or over a limit."""
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM and not RAW.fullmatch(kind):
            raise Refused(
                415,
                "Expected a multipart form of files, or a body that is an image or a PDF with its Content-Type, as in "
                "`curl -H 'Content-Type: image/jpeg' --data-binary @page.jpg`.",
            )
        if int(self._request.headers.get("content-length", "0")) > self._limits.megabytes * MEGABYTE:
            raise self._too_large()
        files = await self._form() if kind == FORM else [("page", b"".join([part async for part in self._parts()]))]
        if not any(content for _, content in files):
            raise Refused(400, "Expected at least one image or PDF in the request, but it holds none.")
        return files

    async def _form(self) -> list[tuple[str, bytes]]:
        _, options = parse_options_header(self._request.headers["content-type"])
        if not options.get(b"boundary"):
            raise Refused(400, "Expected the boundary of the multipart form in its Content-Type, but there is none.")
        most = self._limits.pages
        parser = MultiPartParser(self._request.headers, self._parts(), max_files=most, max_fields=most)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if "Too many" in error.message:
                raise too_many_pages(most) from error
            raise Refused(400, "Expected a whole multipart form of files, but this one is damaged or cut.") from error
        try:
            return [
                (file_name(part.filename), await part.read())
                for _, part in form.multi_items()
                if isinstance(part, UploadFile)
            ]
        finally:
            await form.close()

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        """The body, piece by piece, as far as the limits let it come."""
        async for part in self._request.stream():
            self.hold(len(part))
            if self._size > self._limits.megabytes * MEGABYTE:
                raise self._too_large()
            yield part

    def _too_large(self) -> Refused:
        return Refused(413, f"Expected at most {self._limits.megabytes} megabytes in a request; send fewer pages.")


def file_name(given: str | None) -> str:
    """What answers call a file: the last part of what the client calls it, without what cannot be seen."""
    last = re.split(r"[/\\]", given or "")[-1]
    return UNSEEN.sub("", last)[:LONGEST_NAME] or "page"


def page_names(name: str, pages: int) -> list[str]:
    """`scan.pdf#2` is the second page of several; what has one page is called as its file."""
    return [name] if pages == 1 else [f"{name}#{number}" for number in range(1, pages + 1)]
