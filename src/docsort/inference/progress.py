"""How far a prediction is: a log line now and then, and a small file that the main process may look into."""

import json
import logging
import time
from pathlib import Path

logger = logging.getLogger(__name__)

LINE_INTERVAL_S = 10
"""How often a long prediction says in the log how far it is."""
FILE_INTERVAL_S = 0.5


class Told:
    """Counts pages, in the worker that predicts them."""

    def __init__(self, name: str, pages: int, file: Path | None = None) -> None:
        self.name, self.pages, self.file = name, pages, file
        self.done = self.forwards = self.kept = 0
        self.started = self.said = self.written = time.perf_counter()

    def skip(self, pages: int) -> None:
        """So many pages need no model."""
        self.done += pages
        self.kept = pages

    def add(self, pages: int, forwards: int) -> None:
        """So many pages more are done, by so many forward passes of one square."""
        self.done += pages
        self.forwards += forwards
        now = time.perf_counter()
        if self.file is not None and now - self.written > FILE_INTERVAL_S:
            self.written = now
            partial = self.file.with_suffix(".partial")
            partial.write_text(json.dumps(self.done), encoding="utf-8")
            partial.replace(self.file)
        if now - self.said > LINE_INTERVAL_S and self.done < self.pages:
            self.said = now
            self._say()

    def end(self) -> None:
        """The last line."""
        if self.done > self.kept:
            self._say()
        else:
            logger.info("%s: %d pages, all predicted before", self.name, self.pages)

    def _say(self) -> None:
        fresh, seconds = self.done - self.kept, time.perf_counter() - self.started
        logger.info(
            "%s: predicted %d/%d pages, %.1f views each (%d/s)",
            self.name,
            self.done,
            self.pages,
            self.forwards / max(1, fresh),
            self.forwards / seconds,
        )


def read_progress(folder: Path) -> int:
    """Pages done by all that write to the folder."""
    return sum(json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json"))
