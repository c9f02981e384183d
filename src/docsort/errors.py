"""The errors a user can act on.

Every error that Docsort raises on purpose is a `DocsortError` whose text is a sentence for the user: what was
expected, what came, what to do. The command line prints that sentence instead of a traceback.
"""

import re
from collections.abc import Iterable

SURROGATES = re.compile("[\ud800-\udfff]")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""These and control characters, which a name may hold to fool a terminal."""


class DocsortError(Exception):
    """Root of all errors that Docsort raises on purpose. Its text can be printed, whatever it names."""

    def __str__(self) -> str:
        return readable(super().__str__())


class InputError(DocsortError):
    """The user's data or settings are not what they must be."""


class LeakError(DocsortError):
    """Pages of one source, or of near-duplicates, would stand on both sides of a split."""


class WeightsError(DocsortError):
    """Model weights are missing, out of reach, or do not belong to the model."""


class NoMapError(DocsortError):
    """A backbone has no layer with a map of places by which an answer could be explained."""


class StorageError(DocsortError):
    """Something could not be written, or what is on disk is damaged."""


class InUseError(DocsortError):
    """Another run is at work where this one would write."""


class WorkerError(DocsortError):
    """A worker process died."""


class StoppedError(WorkerError):
    """Work was ended on purpose, in its middle: another piece failed, or the user wished it."""


def readable(text: str, unseen: re.Pattern[str] = SURROGATES) -> str:
    """The text, with bytes of a file name that are not UTF-8 as `\\xe9`: what Python has for them cannot be printed."""
    return unseen.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def listing(items: Iterable[object], limit: int = 10) -> str:
    """Names the first `limit` items and counts the rest, for an error sentence."""
    names = [readable(str(item), UNSEEN) for item in items]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
