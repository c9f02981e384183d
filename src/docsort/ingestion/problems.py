"""Validation of raw data: all problems collected, raised as one error."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

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


def check_class_sizes(classes: pd.DataFrame, targets: pd.Series, where: str) -> None:
    """Raises InputError that names the classes with fewer than two photos. where: which photos are counted."""
    small = too_small(classes, targets)
    if small:
        raise InputError(
            f"Expected at least two photos of every class {where}, but the class {listing(small)} has fewer; add "
            "photos, or take the class out of the data."
        )


def too_small(classes: pd.DataFrame, targets: pd.Series) -> list[str]:
    """The classes with fewer than two photos: one alone cannot both be learnt from and be judged by."""
    counts = targets.value_counts()
    named = zip(classes["target"], classes["class_name"], strict=True)
    return [f"{target} {name} ({counts.get(target, 0)})" for target, name in named if counts.get(target, 0) < 2]
