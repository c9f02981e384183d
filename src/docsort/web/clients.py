"""Clients that hang: who sends no whole request, or takes no answer, is let go, so that they hurt nobody.

uvicorn waits without end for a request that never comes and for the rest of one that has begun.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_SECONDS = 10.0
"""How long nothing may move; a client is let go after one to two times this."""

MOST_CLIENTS = 256
"""Connections at once: as many as a browser opens, and few enough for the system's bound on open files."""


class ImpatientProtocol(H11Protocol):
    """uvicorn's connection, which ends when the client keeps it waiting. h11 also bounds the length of headers."""

    _watch: asyncio.TimerHandle | None = None
    _seen: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CLIENTS:
            transport.abort()
        else:
            self._watch = self.loop.call_later(PATIENCE_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Ends the connection where the last look has seen this very request, and the client is the one to move."""
        request = self.cycle
        if self._is_waiting_for_client(request) and request is self._seen:
            self.transport.abort()
        else:
            self._seen = request
            self._watch = self.loop.call_later(PATIENCE_SECONDS, self._look)

    def _is_waiting_for_client(self, request: Any) -> bool:
        return request is None or request.more_body or request.response_complete


class UploadProtocol(ImpatientProtocol):
    """For applications that themselves bound how long a body may take, as uploads of many megabytes may."""

    def _is_waiting_for_client(self, request: Any) -> bool:
        return request is None or request.response_complete
