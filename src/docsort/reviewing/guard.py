"""Request checks of the local server: host, origin, token, security headers.

The server listens on 127.0.0.1, but any page in the same browser can send requests there, and a name of its own can be
made to point there (DNS rebinding). So the Host must be ours, a request that another origin caused is refused, and a
write must carry the token that only our page has been given.
"""

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-docsort-token"

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
    """Refuses what does not come from our own page, and sets the security headers on every answer."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app, self._token = app, token
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets HTTP requests through that pass and answers others itself; a socket for more is never opened."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            status, reason = refusal
            await JSONResponse({"error": reason}, status)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason, or None for a request that may pass."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 400, "This server answers to its own address only."
        origins = headers.getlist("origin")
        if any(origin != f"http://{hosts[0]}" for origin in origins):
            return 403, "Requests from other pages are refused."
        if any(site not in OWN_FETCHES for site in headers.getlist("sec-fetch-site")):
            return 403, "Requests from other pages are refused."
        if method in ("GET", "HEAD"):
            return None
        token = headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return 403, "The server was started anew since this page was loaded; reload the page."
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "Expected JSON."
        return None
