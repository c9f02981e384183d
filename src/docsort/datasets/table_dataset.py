"""A pandas table on disk, CSV or Parquet by its suffix."""

from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro.io.core import DatasetError, Version, VersionNotFoundError
from kedro_datasets._typing import TablePreview

from docsort.datasets.file_dataset import FileDataset
from docsort.table_files import csv_of, table_of

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
            return csv_of(data)
        buffer = BytesIO()
        data.to_parquet(buffer, index=False)
        return buffer.getvalue()

    def decode(self, data: bytes) -> pd.DataFrame:
        if self._suffix == ".csv":
            return table_of(data)
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


def _plain(value: object) -> object:
    """A value that JSON takes: numbers rounded for the eye, all else as text."""
    if isinstance(value, float):
        return round(value, 4)
    return value if isinstance(value, int | str | bool) else str(value)
