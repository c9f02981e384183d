"""How a web server starts, listens and ends."""

import errno
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from docsort.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0: any that is free. Raises InputError where it is taken, or the host not ours."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise InputError(
                f"Expected port {port} to be free, but it is not ({error.strerror}); choose another with --port."
            ) from error
        raise InputError(
            f"Expected --host to be an address of this machine, but got {host} ({error.strerror}); 127.0.0.1 always is."
        ) from error


def run(app: ASGIApp, listener: socket.socket, protocol: type[H11Protocol], shutdown_seconds: int) -> None:
    """Serves until Ctrl-C or SIGTERM, then raises what these raise; what is under way has so many seconds."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=shutdown_seconds,
    )
    uvicorn.Server(config).run(sockets=[listener])
