"""A pandas table on disk, CSV or Parquet by its suffix."""

from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro.io.core import DatasetError, Version
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
)
"""Columns that must never be guessed to be numbers: a reader that guesses turns the id `0012e5` into 1200000."""

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
        if self._optional and not self.exists():
            return pd.DataFrame(columns=self._columns)
        return super().load()

    def encode(self, data: pd.DataFrame) -> bytes:
        if self._suffix == ".csv":
            return data.to_csv(index=False, lineterminator="\n").encode()
        buffer = BytesIO()
        data.to_parquet(buffer, index=False)
        return buffer.getvalue()

    def decode(self, data: bytes) -> pd.DataFrame:
        if self._suffix == ".csv":
            return pd.read_csv(BytesIO(data), dtype=dict.fromkeys(TEXT_COLUMNS, "string"))
        return pd.read_parquet(BytesIO(data))

    def preview(self, nrows: int = PREVIEW_ROWS) -> TablePreview:
        """The first rows, for kedro-viz."""
        table = self.load().head(nrows).astype(object)
        return TablePreview(table.where(table.notna(), "").map(_plain).to_dict(orient="split"))

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "optional": self._optional}


def _plain(value: object) -> object:
    """A value that JSON takes: numbers rounded for the eye, all else as text."""
    if isinstance(value, float):
        return round(value, 4)
    return value if isinstance(value, int | str | bool) else str(value)
