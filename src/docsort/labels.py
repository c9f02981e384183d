"""Class labels: numbers (`target`) and names, and finding one by either."""

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd

from docsort.errors import InputError, listing

WHOLE_NUMBER = re.compile(r"[+]?0*([0-9]{1,18})(?:[.]0*)?")
"""Also as spreadsheets and other programs write one: `0.0`, `01`, `+1`. More digits would be no 64-bit number."""

SEPARATORS = frozenset("\x1c\x1d\x1e\x1f")
"""Control characters that `str.strip` takes for blanks and no parser of numbers does."""


def parse_target(text: str) -> int | None:
    """The whole number from 0 that the text stands for, blanks around it aside; None where it is no such number."""
    found = WHOLE_NUMBER.fullmatch(text.strip())
    return int(found[1]) if found and not SEPARATORS & set(text) else None


def find_target(classes: pd.DataFrame, wanted: str | int) -> int | None:
    """The class number of a class given by name or number; None where there is no such class.

    Digits in a string count as a number only where no class has that name. Names that differ only in their Unicode form
    are the same.
    """
    text = normal_form(str(wanted))
    by_name = {
        normal_form(str(name)): target for name, target in zip(classes["class_name"], classes["target"], strict=True)
    }
    if isinstance(wanted, str) and text in by_name:
        return int(by_name[text])
    target = parse_target(text)
    return target if target in set(classes["target"]) else None


def normal_form(name: str) -> str:
    """The name in the Unicode form NFC: macOS writes é and 한 on disk in pieces, CSV files have them whole."""
    return unicodedata.normalize("NFC", name)


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
