"""Class labels: numbers (`target`) and names, and finding one by either."""

from collections.abc import Iterable

import pandas as pd

from docsort.errors import InputError, listing


def find_target(classes: pd.DataFrame, wanted: str | int) -> int | None:
    """The class number of a class given by name or number; None where there is no such class.

    Digits in a string count as a number only where no class has that name.
    """
    by_name = dict(zip(classes["class_name"], classes["target"], strict=True))
    if wanted in by_name:
        return int(by_name[wanted])
    text = str(wanted)
    if text.lstrip("-").isdigit() and int(text) in set(classes["target"]):
        return int(text)
    return None


def find_targets(classes: pd.DataFrame, wanted: Iterable[str | int]) -> tuple[list[int], list[str]]:
    """Class numbers found, ascending, and the wishes that name no class."""
    found = {str(item): find_target(classes, item) for item in wanted}
    missing = [item for item, target in found.items() if target is None]
    return sorted({target for target in found.values() if target is not None}), missing


def require_target(classes: pd.DataFrame, wanted: str | int, what: str) -> int:
    """Like `find_target`, but raises InputError naming `what` asked for a class that is not there."""
    target = find_target(classes, wanted)
    if target is None:
        known = listing((f"{row.target} {row.class_name}" for row in classes.itertuples()), limit=20)
        raise InputError(f"Expected {what} to name a class of the data, but got {wanted!r}; the classes are: {known}.")
    return target
