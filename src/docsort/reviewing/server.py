"""The local page for judging labels: a small web server on 127.0.0.1.

Photos are found by image id in a table that is made at the start; no path ever comes from a request.
"""

import functools
import secrets
import threading
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Annotated, Any

import click
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from docsort.errors import DocsortError, StorageError
from docsort.images.reading import UnreadableImageError
from docsort.reviewing.decisions import Change, StaleDecisionError
from docsort.reviewing.guard import Guard
from docsort.reviewing.review import Filters, Review
from docsort.reviewing.thumbnails import small_jpeg
from docsort.templates import load_template
from docsort.web.clients import ImpatientProtocol
from docsort.web.server import listen, run

HOST = "127.0.0.1"
MAX_BODY = 32 * 1024
SIDES = {"small": 260, "large": 1100, "full": 2400}
"""Longer side in pixels, by the name that a request gives."""
PICTURES_KEPT = 96
DECODERS = 4
"""Photos decoded at once: one of the largest takes half a gigabyte."""
PAGE_FILES = {"page.css": "text/css", "page.js": "text/javascript"}
SHUTDOWN_SECONDS = 3
"""Ctrl-C waits no longer for clients that hang."""

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]
Lines = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text that no program chokes on: without the characters that steer a terminal."""


class Wish(BaseModel):
    """A decision, or with `before` its undoing, as the page sends it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image_id: Line
    version: Line
    action: Line = ""
    new_label: Line = ""
    reason: Lines = ""
    before: Lines | None = Field(None, description="text of the ledger's row that undoing puts back")


class Page:
    """The answers to the page's requests."""

    def __init__(self, review: Review, paths: Mapping[str, str], token: str) -> None:
        self._review, self._paths, self._token = review, paths, token
        self._decoders = threading.BoundedSemaphore(DECODERS)
        self._small_jpeg = functools.lru_cache(PICTURES_KEPT)(small_jpeg)

    def index(self, request: Request) -> Response:
        """The page itself, with the token that its writes must carry."""
        return HTMLResponse(
            load_template("reviewing", "page/index.html.jinja").render(token=self._token, words=self._review.words)
        )

    def icon(self, request: Request) -> Response:
        """There is none; browsers ask for it all the same."""
        return Response(status_code=204)

    def file(self, request: Request) -> Response:
        """The style sheet or the script."""
        name = request.url.path.removeprefix("/")
        return Response(files("docsort.reviewing").joinpath("page", name).read_bytes(), media_type=PAGE_FILES[name])

    def summary(self, request: Request) -> Response:
        """Classes, kinds of evidence and who judges."""
        return JSONResponse(self._review.summary())

    def listing(self, request: Request) -> Response:
        """Ids of the cards that pass the filters in the query."""
        wanted = {name: request.query_params.get(name, "") for name in ("label", "state", "kind", "text")}
        return JSONResponse(self._review.listing(Filters(**wanted)))

    def card(self, request: Request) -> Response:
        """The card of the image `id`."""
        card = self._review.card(request.query_params.get("id", ""))
        return JSONResponse(card) if card else JSONResponse({"error": "There is no such card."}, 404)

    def image(self, request: Request) -> Response:
        """The photo of the image `id`, made small as `side` says."""
        path = self._paths.get(request.query_params.get("id", ""))
        side = SIDES.get(request.query_params.get("side", "small"))
        if path is None or side is None:
            return JSONResponse({"error": "There is no such image."}, 404)
        try:
            with self._decoders:
                return Response(self._small_jpeg(path, side), media_type="image/jpeg")
        except UnreadableImageError:
            return JSONResponse({"error": "The photo cannot be read."}, 404)

    async def decide(self, request: Request) -> Response:
        """Writes a decision."""
        return await self._write(
            request, lambda w: self._review.decide(w.image_id, w.action, w.new_label, w.reason, w.version)
        )

    async def undo(self, request: Request) -> Response:
        """Puts back what a decision found."""
        return await self._write(request, lambda w: self._review.undo(w.image_id, w.before, w.version))

    async def _write(self, request: Request, change: Callable[[Wish], Change]) -> Response:
        """Answers with the change, or with 409 and the card as it is now where somebody was faster."""
        body = await _limited_body(request)
        if body is None:
            return JSONResponse({"error": f"Expected at most {MAX_BODY} bytes."}, 413)
        try:
            wish = Wish.model_validate_json(body)
        except ValidationError:
            return JSONResponse({"error": "Expected the fields of a decision as JSON; reload the page."}, 400)
        try:
            done = await run_in_threadpool(change, wish)
        except StaleDecisionError as error:
            card = await run_in_threadpool(self._review.card, wish.image_id)
            return JSONResponse({"error": str(error), "card": card}, 409)
        progress = await run_in_threadpool(self._review.progress)
        return JSONResponse({"before": done.before, "version": done.version, **progress})


def create_app(review: Review, paths: Mapping[str, str], port: int, token: str) -> Starlette:
    """The application. paths: of every image that may be shown, by image id."""
    page = Page(review, paths, token)
    reads = {
        "/": page.index,
        "/api/summary": page.summary,
        "/api/cards": page.listing,
        "/api/card": page.card,
        "/favicon.ico": page.icon,
        "/image": page.image,
    }
    routes = [
        *(Route(path, answer, methods=["GET"]) for path, answer in reads.items()),
        *(Route(f"/{name}", page.file, methods=["GET"]) for name in PAGE_FILES),
        Route("/api/decide", page.decide, methods=["POST"]),
        Route("/api/undo", page.undo, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, port=port, token=token)],
        exception_handlers={DocsortError: _say, ClientDisconnect: _drop},
    )


def serve(review: Review, paths: Mapping[str, str], port: int, started: Callable[[str], Any]) -> None:
    """Serves until Ctrl-C; port 0 takes any that is free; `started` is told the URL.

    Raises InputError when the port is taken.
    """
    with listen(HOST, port) as listener:
        port = listener.getsockname()[1]
        app = create_app(review, paths, port, secrets.token_urlsafe(32))
        started(f"http://{HOST}:{port}/")
        run(app, listener, ImpatientProtocol, SHUTDOWN_SECONDS)


def serve_until_stopped(review: Review, paths: Mapping[str, str], port: int, open_browser: bool) -> None:
    """The same for a command, which says where the page is."""

    def tell(url: str) -> None:
        click.echo(f"Judge the pages at {url} and end this with Ctrl-C; every decision is saved at once.")
        if open_browser:
            click.launch(url)

    serve(review, paths, port, tell)


def _say(request: Request, error: Exception) -> Response:
    """What went wrong, in the words of the error: with the request, or with the disk."""
    return JSONResponse({"error": str(error)}, 503 if isinstance(error, StorageError) else 400)


def _drop(request: Request, error: Exception) -> Response:
    """Nobody reads it: the client went away in the middle of its request."""
    return Response(status_code=400)


async def _limited_body(request: Request) -> bytes | None:
    """The body, or None as soon as it is larger than allowed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return body
