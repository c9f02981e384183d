"""On which day a page came."""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from docsort.errors import InputError
from docsort.images.appearance import days_taken

MODIFIED, TAKEN = "modified", "exif"
"""What can be asked of a file: when it was last written, by this machine's clock; when its photo was taken."""


def days_of_files(files: Iterable[str], by: str) -> dict[str, date | None]:
    """The day of each file, None where it is not known. by: MODIFIED or TAKEN."""
    names = list(dict.fromkeys(files))
    days = days_taken(names) if by == TAKEN else [_written_on(name) for name in names]
    return dict(zip(names, days, strict=True))


def days_of_answers(answers: pd.DataFrame, by: str) -> list[date | None]:
    """The day of each row, None where it is not known. by: MODIFIED or TAKEN, of its file, or a column of dates.

    Raises InputError where there is no such column, or where it holds something else.
    """
    if by in (MODIFIED, TAKEN):
        days = days_of_files(answers["file"], by)
        return [days[file] for file in answers["file"]]
    if by not in answers.columns:
        raise InputError(f"Expected --dates to be {MODIFIED}, {TAKEN} or a column of the answers, but got {by!r}.")
    try:
        known = pd.to_datetime(answers[by], format="ISO8601")
    except (ValueError, TypeError) as error:
        raise InputError(f"Expected the column {by!r} to hold dates such as 2026-03-14, but {error}.") from error
    return [None if pd.isna(day) else day.date() for day in known]


def _written_on(file: str) -> date | None:
    try:
        return datetime.fromtimestamp(Path(file).stat().st_mtime).date()
    except OSError:  # gone since it was answered, which is told
        return None
