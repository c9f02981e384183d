"""Request checks of the page for judging labels: beside those of every local server (`web.guard`), a write must carry
the token that only our page has been given.
"""

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp

from docsort.web import guard
from docsort.web.guard import is_token, refuse_foreign, refused

TOKEN_HEADER = "x-docsort-token"


class Guard(guard.Guard):
    """Refuses what does not come from our own page."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        super().__init__(app)
        self._token, self._hosts = token, (f"127.0.0.1:{port}", f"localhost:{port}")

    def refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        """See `web.guard.Guard`."""
        foreign = refuse_foreign(headers, self._hosts)
        if foreign is not None or method in ("GET", "HEAD"):
            return foreign
        if not is_token(headers.get(TOKEN_HEADER, ""), self._token):
            return refused(403, "The server was started anew since this page was loaded; reload the page.")
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return refused(415, "Expected JSON.")
        return None
