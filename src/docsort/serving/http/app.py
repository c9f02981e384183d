"""The routes of the service. No answer holds a path of the server, a traceback, or a word about its inside."""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docsort import __version__
from docsort.serving.http.access import Guard
from docsort.serving.http.limits import Limits, Refused
from docsort.serving.http.schema import open_api
from docsort.serving.http.service import Service
from docsort.web.guard import refused

PAGE_FILES = {"page.css": "text/css", "page.js": "text/javascript", "docs.js": "text/javascript"}
PAGES = {"/": "index.html", "/docs": "docs.html"}

logger = logging.getLogger(__name__)


class Routes:
    """The answers to requests that the guard lets through."""

    def __init__(self, service: Service, has_token: bool) -> None:
        self._service, self._has_token = service, has_token
        self._description = json.dumps(open_api(_told(service.limits))).encode()

    async def predict(self, request: Request) -> Response:
        """Answers pages."""
        return JSONResponse(await self._service.answer(request))

    async def explain(self, request: Request) -> Response:
        """The heat map of a class over its page."""
        return Response(await self._service.explain(request), media_type="image/jpeg")

    async def reload(self, request: Request) -> Response:
        """Opens the newest ensemble."""
        if not self._has_token:
            raise Refused(403, "Expected a server with a token; without one, SIGHUP to the server reloads.")
        done = await run_in_threadpool(self._service.model.reload)
        if done is None:
            raise Refused(409, "The newest ensemble cannot be used, so the old one is; the server's log says why.")
        return JSONResponse({"fingerprint": self._service.model.now.fingerprint, "reloaded": done})

    async def ensemble(self, request: Request) -> Response:
        """What is in use."""
        model = self._service.model.now
        own = model.classifier
        facts = {"classes": dict(own.classes), "threshold": own.threshold, "forecast": own.forecast}
        return JSONResponse({"fingerprint": model.fingerprint, **facts})

    async def health(self, request: Request) -> Response:
        """That the service is up."""
        facts = {"fingerprint": self._service.model.now.fingerprint, "version": __version__}
        return JSONResponse({"status": "ok", **facts, "waiting": self._service.batcher.waiting})

    async def metrics(self, request: Request) -> Response:
        """Figures for Prometheus."""
        text, kind = self._service.metrics.text(self._service.model.now.fingerprint, self._service.batcher.waiting)
        return Response(text, headers={"content-type": kind})

    async def description(self, request: Request) -> Response:
        """OpenAPI."""
        return Response(self._description, media_type="application/json")

    async def page(self, request: Request) -> Response:
        """A page for people, or what belongs to it."""
        path = request.url.path
        name = PAGES.get(path, path.removeprefix("/"))
        content = files("docsort.serving.http").joinpath("page", name).read_bytes()
        return Response(content, media_type=PAGE_FILES.get(name, "text/html"))

    async def icon(self, request: Request) -> Response:
        """There is none; browsers ask for it all the same."""
        return Response(status_code=204)


def create_app(service: Service, port: int, token: str | None) -> ASGIApp:
    """The application: its routes, who may ask them, and the count of what was asked."""
    own = Routes(service, token is not None)
    reads: dict[str, Callable[[Request], Awaitable[Response]]] = {
        **dict.fromkeys(PAGES, own.page),
        **{f"/{name}": own.page for name in PAGE_FILES},
        "/openapi.json": own.description,
        "/health": own.health,
        "/metrics": own.metrics,
        "/ensemble": own.ensemble,
        "/favicon.ico": own.icon,
    }
    writes = {"/predict": own.predict, "/explain": own.explain, "/reload": own.reload}
    routes = [Route(path, answer, methods=["GET"]) for path, answer in reads.items()]
    routes += [Route(path, answer, methods=["POST"]) for path, answer in writes.items()]
    handlers: dict[Any, Any] = {Refused: _say, HTTPException: _say_http, ClientDisconnect: _drop, Exception: _fail}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return _Counted(Guard(app, port, token), service, {*reads, *writes})


class _Counted:
    """Tells the metrics of every request."""

    def __init__(self, app: ASGIApp, service: Service, routes: set[str]) -> None:
        self._app, self._metrics, self._routes = app, service.metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope["path"] if scope["path"] in self._routes else "other"
                self._metrics.requested(route, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, counted)


async def _say(request: Request, error: Refused) -> Response:
    return refused(error.status, error.sentence, error.headers)


async def _say_http(request: Request, error: HTTPException) -> Response:
    sentences = {404: "There is nothing at this address.", 405: "This address is not asked by this method."}
    return refused(error.status_code, sentences.get(error.status_code, "The request cannot be answered."))


async def _drop(request: Request, error: Exception) -> Response:
    """Nobody reads it: the client went away in the middle of its request."""
    return Response(status_code=400)


async def _fail(request: Request, error: Exception) -> Response:
    """The log has the traceback."""
    return refused(500, "The server failed at this request; its log says why.")


def _told(limits: Limits) -> str:
    return (
        f"at most {limits.megabytes} megabytes and {limits.pages} pages of {limits.megapixels} megapixels in a "
        f"request, {limits.seconds} seconds for it"
    )
