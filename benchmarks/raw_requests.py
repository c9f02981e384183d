"""Bytes sent to a server as they are, however broken."""

import socket
from collections.abc import Iterable

RESET = b"\1\0\0\0\0\0\0\0"
"""Zero lingering: the connection is reset, not closed."""


def send(port: int, pieces: Iterable[bytes], leaves: bool = False, seconds: float = 90) -> bytes:
    """The whole answer; empty where the client leaves, or the server has."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
            if leaves:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return b""
            while data := client.recv(65536):
                answer += data
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer
