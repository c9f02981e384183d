"""The errors a user can act on.

Every error that Docsort raises on purpose is a `DocsortError` whose text is a sentence for the user: what was
expected, what came, what to do. The command line prints that sentence instead of a traceback.
"""

from collections.abc import Iterable


class DocsortError(Exception):
    """Root of all errors that Docsort raises on purpose."""


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


class WorkerError(DocsortError):
    """A worker process died."""


class StoppedError(WorkerError):
    """Work was ended on purpose, in its middle: another piece failed, or the user wished it."""


def listing(items: Iterable[object], limit: int = 10) -> str:
    """Names the first `limit` items and counts the rest, for an error sentence."""
    names = [str(item) for item in items]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
