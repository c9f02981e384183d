"""How far `docsort predict` is: a bar on a terminal, a line now and then where the output goes elsewhere."""

import threading
import time
from typing import TYPE_CHECKING, Self

from docsort.work.progress import LINE_INTERVAL_S, Listener, add_listener, remove_listener

if TYPE_CHECKING:
    from rich.console import Console


class PagesAnswered(Listener):
    """Counts pages; a file whose pages are not known yet counts as one. Rate and time left leave out what was answered
    before this run."""

    def __init__(self, files: int, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._files, self._before, self._kept, self._now = files, 0, 0, 0
        self._console, self._lock = console, threading.Lock()
        self._began = self._told = time.monotonic()
        columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None
        self._task = self._bar.add_task("", total=files) if self._bar is not None else None

    def __enter__(self) -> Self:
        add_listener(self)
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        remove_listener(self)
        if self._bar is not None:
            self._bar.stop()

    def predicted(self, name: str, done: int, pages: int) -> None:
        """Hears how many pages of the part at hand are done."""
        with self._lock:
            self._now = done
            self._tell(pages)

    def finished(self, files: int, pages: int) -> None:
        """A part of so many files is done; if nothing was heard of it, an earlier run had."""
        with self._lock:
            self._kept += pages if not self._now else 0
            self._files, self._before, self._now = self._files - files, self._before + pages, 0
            self._tell(0)

    def _tell(self, part: int) -> None:
        done, seconds = self._before + self._now, time.monotonic() - self._began
        total, rate = self._before + max(part, self._files), (done - self._kept) / max(seconds, 1e-6)
        text = f"{done} of {total} pages, {rate:.1f} a second"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, description=text)
        elif time.monotonic() - self._told >= LINE_INTERVAL_S:
            self._told = time.monotonic()
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            self._console.print(text + left, highlight=False)
