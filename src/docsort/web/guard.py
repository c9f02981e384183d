"""Request checks of a local server: host, origin, security headers.

A server on 127.0.0.1 is within reach of any page in the same browser, and a name of its own can be made to point there
(DNS rebinding). So the Host must be ours, and a request that another origin caused is refused.
"""

import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_FETCHES = ("same-origin", "none")
"""Sec-Fetch-Site of requests from our own page, and of those that a person starts by typing an address."""

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",  # photos of papers must not stay in the browser's cache
}


class Guard:
    """Answers itself what `refusal` refuses, and sets the security headers on every answer."""

    headers = SECURITY_HEADERS

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        """The answer to a request that may not pass, else None."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets HTTP requests through that pass; a socket for more is never opened."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        refusal = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (self._app if refusal is None else refusal)(scope, receive, send_with_headers)


def refused(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """One sentence as JSON."""
    return JSONResponse({"error": reason}, status, headers)


def refuse_foreign(headers: Headers, hosts: Sequence[str]) -> Response | None:
    """The answer to a request for a host that is none of these (`name:port`), or from a page that is not ours."""
    named = headers.getlist("host")
    if len(named) != 1 or named[0] not in hosts:
        return refused(400, "This server answers to its own address only.")
    origins, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
    if any(origin != f"http://{named[0]}" for origin in origins) or any(site not in OWN_FETCHES for site in sites):
        return refused(403, "Requests from other pages are refused.")
    return None


def is_token(given: str, token: str) -> bool:
    """Whether they are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(errors="replace"), token.encode())
