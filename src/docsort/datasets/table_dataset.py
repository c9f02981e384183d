"""A pandas table on disk, CSV or Parquet by its suffix.

Text comes back as it went, whatever it says: `None` and `NA` are names, `0012e5` is no number, a line break is one.
"""

import csv
import re
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro.io.core import DatasetError, Version, VersionNotFoundError
from kedro_datasets._typing import TablePreview

from docsort.datasets.file_dataset import FileDataset

TEXT_COLUMNS = (
    "ID",
    "image_id",
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
)
"""Columns that must never be guessed to be numbers: a reader that guesses turns the id `0012e5` into 1200000. None of
them ever lacks a value: in CSV, which cannot tell, an empty cell of theirs is empty text."""

EXACT_COLUMN = "ID"
"""Of a submission, which goes to a program, not to a spreadsheet."""

FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""How a cell begins that a spreadsheet would run as a formula. In CSV it gets an apostrophe more, which is taken away
again here."""

PREVIEW_ROWS = 40


class TableDataset(FileDataset[pd.DataFrame]):
    """A table. With `optional: true` a missing file loads as an empty table with the columns `columns`: only for a
    table whose absence has a meaning of its own, such as last run's predictions before the first run."""

    def __init__(
        self,
        *,
        filepath: str,
        optional: bool = False,
        columns: list[str] | None = None,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._suffix = PurePosixPath(filepath).suffix
        if self._suffix not in (".csv", ".parquet"):
            raise DatasetError(f"Expected filepath to end in .csv or .parquet, but got {filepath!r}.")
        self._optional = optional
        self._columns = columns or []

    def load(self) -> pd.DataFrame:
        if self._optional and not self._is_there():
            return pd.DataFrame(columns=self._columns)
        return super().load()

    def encode(self, data: pd.DataFrame) -> bytes:
        if self._suffix == ".csv":
            return _csv_of(data)
        buffer = BytesIO()
        data.to_parquet(buffer, index=False)
        return buffer.getvalue()

    def decode(self, data: bytes) -> pd.DataFrame:
        if self._suffix == ".csv":
            return _table_of(data)
        return pd.read_parquet(BytesIO(data))

    def _is_there(self) -> bool:
        """Damaged or not: only what was never written counts as empty."""
        try:
            return self.path.is_file()
        except VersionNotFoundError:
            return False

    def preview(self, nrows: int = PREVIEW_ROWS) -> TablePreview:
        """The first rows, for kedro-viz."""
        return preview_of(self.load(), nrows)

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "optional": self._optional}


def preview_of(table: pd.DataFrame, nrows: int = PREVIEW_ROWS) -> TablePreview:
    """The first rows, as kedro-viz wants them."""
    shown = table.head(nrows).astype(object)
    return TablePreview(shown.where(shown.notna(), "").map(_plain).to_dict(orient="split"))


def _csv_of(table: pd.DataFrame) -> bytes:
    guarded = table.assign(**{column: table[column].map(_guarded) for column in _text_columns(table)})
    text = guarded.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # which Python's writer does not quote by itself, and which then ends a row
        text = guarded.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


def _table_of(data: bytes) -> pd.DataFrame:
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


def _plain(value: object) -> object:
    """A value that JSON takes: numbers rounded for the eye, all else as text."""
    if isinstance(value, float):
        return round(value, 4)
    return value if isinstance(value, int | str | bool) else str(value)
