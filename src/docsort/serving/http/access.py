"""Who may ask: anybody on this machine where there is no token, else who knows it."""

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp

from docsort.errors import InputError
from docsort.web import guard
from docsort.web.guard import SECURITY_HEADERS, is_token, refuse_foreign, refused

SHORTEST_TOKEN = 16
"""Characters; who may guess a million times a second needs longer than anybody waits."""

OPEN = ("/", "/docs", "/openapi.json", "/health", "/page.css", "/page.js", "/docs.js", "/favicon.ico")
"""What needs no token: the page itself, which asks for it, and whether the service is up."""

ASK = {"www-authenticate": "Bearer"}


class Guard(guard.Guard):
    """Without a token requests for other hosts and from other pages are refused. With one they may come by any name, a
    proxy's for example: a page that is not ours does not know it, and no cookie carries it there."""

    headers = SECURITY_HEADERS | {
        # a photo that was dropped on the page is shown there, and has no other address
        "content-security-policy": SECURITY_HEADERS["content-security-policy"].replace(
            "img-src 'self'", "img-src 'self' blob:"
        )
    }

    def __init__(self, app: ASGIApp, port: int, token: str | None) -> None:
        super().__init__(app)
        self._token = token
        self._hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    def refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        """See `web.guard.Guard`."""
        if self._token is None:
            return refuse_foreign(headers, self._hosts)
        if path in OPEN and method in ("GET", "HEAD"):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not is_token(given.strip(), self._token):
            return refused(401, "Expected the server's token in the header `Authorization: Bearer …`.", ASK)
        return None


def check_access(host: str, token: str | None) -> None:
    """Raises InputError for another host than this machine without a token, and for a token that can be guessed."""
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or " " in token):
        raise InputError(
            f"Expected a token of at least {SHORTEST_TOKEN} letters, digits or signs without blanks; "
            "`openssl rand -hex 24` makes one."
        )
    if token is None and not is_this_machine(host):
        raise InputError(
            f"Expected a token where others can reach the server, which they can at {host}; set DOCSORT_TOKEN, or "
            "leave out --host."
        )


def is_this_machine(host: str) -> bool:
    """Whether nobody else can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
