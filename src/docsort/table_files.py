"""Tables as CSV: text comes back as it went, whatever it says, and runs in no spreadsheet.

`None` and `NA` are names, `0012e5` is no number, a line break is one.
"""

import csv
import re
from io import BytesIO

import pandas as pd

TEXT_COLUMNS = (
    "ID",
    "image_id",
    "page",
    "file",
    "ensemble",
    "decision",
    "other_id",
    "neighbour_id",
    "source_id",
    "render_id",
    "group",
    "old_label",
    "new_label",
    "class_name",
    "group_name",
    "classes",
    "sha256",
    "path",
    "model",
    "candidate",
    "reason",
    "evidence",
    "detail",
    "why",
    "decided_by",
    "text",
    "box",
    "engine",
    "version",
)
"""Columns that must never be guessed to be numbers: a reader that guesses turns the id `0012e5` into 1200000. None of
them ever lacks a value: in CSV, which cannot tell, an empty cell of theirs is empty text."""

EXACT_COLUMN = "ID"
"""Of a submission, which goes to a program, not to a spreadsheet."""

FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""How a cell begins that a spreadsheet would run as a formula. In CSV it gets an apostrophe more, which is taken away
again here."""


def csv_of(table: pd.DataFrame, header: bool = True) -> bytes:
    """The bytes of a table. header: whether its first row names the columns."""
    guarded = table.assign(**{column: table[column].map(_guarded) for column in _text_columns(table)})
    text = guarded.to_csv(index=False, header=header, lineterminator="\n")
    if "\r" in text:  # which Python's writer does not quote by itself, and which then ends a row
        text = guarded.to_csv(index=False, header=header, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


def table_of(data: bytes) -> pd.DataFrame:
    """What `csv_of` made bytes of."""
    types = dict.fromkeys(TEXT_COLUMNS, "string")
    table = pd.read_csv(BytesIO(data), dtype=types, keep_default_na=False, na_values=[""])
    table = table.assign(**{column: table[column].fillna("") for column in TEXT_COLUMNS if column in table})
    return table.assign(**{column: table[column].map(_bare) for column in _text_columns(table)})


def _text_columns(table: pd.DataFrame) -> list[str]:
    """Those that may be guarded against being run."""
    return [column for column in TEXT_COLUMNS if column in table and column != EXACT_COLUMN]


def _guarded(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text
