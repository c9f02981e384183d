"""What a request may ask for, and the one sentence by which it is refused."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Of one request: megabytes of its body, megapixels of a page, pages, seconds from its first byte to its answer. Of
    all together: waiting pages, held_megabytes of uploads that are not answered yet. shutdown_seconds: that requests
    under way have when the server ends."""

    megabytes: int = 64
    megapixels: int = 50
    pages: int = 64
    seconds: int = 60
    waiting: int = 512
    held_megabytes: int = 512
    shutdown_seconds: int = 30


DECODING_SECONDS = 10
"""Of computing, that a page may be decoded for."""

BUSY = {"retry-after": "2"}
"""Header of answers to those who come when there is too much to do."""


class Refused(Exception):  # noqa: N818 (no error of the server's)
    """A request that is not answered. status: of HTTP; sentence: for the client, without a word about the server's own
    folders; headers: of the answer."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)  # all of it, so that it comes whole out of another process
        self.status, self.sentence, self.headers = status, sentence, headers


def too_busy() -> Refused:
    """For what would have to wait too long."""
    return Refused(503, "The server has as much to do as it takes; send the request again in two seconds.", BUSY)
