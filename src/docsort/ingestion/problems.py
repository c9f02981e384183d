"""What is wrong with raw data: all problems of a kind in one line, all kinds in one error."""

from collections.abc import Iterable
from pathlib import Path

from docsort.errors import InputError, listing


class Problems:
    """Collects; `raise_if_any` raises once, before any work starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: list[str] = []

    def add(self, what: str, items: Iterable[object] = ("",)) -> None:
        """One kind of problem, with the things that have it; nothing where there are none."""
        names = [str(item) for item in items]
        if names:
            self._lines.append(f"{what}: {listing(names)}" if any(names) else what)

    def raise_if_any(self) -> None:
        """Raises InputError with a line a kind."""
        if self._lines:
            lines = "\n".join(f"  - {line}" for line in self._lines)
            raise InputError(f"The data in {self._folder} is not as expected; correct it and run again.\n{lines}")
