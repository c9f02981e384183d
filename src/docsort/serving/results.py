"""The answers of many parts in one file: CSV, JSON lines or Parquet, by its name."""

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

import pandas as pd

from docsort.errors import InputError
from docsort.files import partial_of, read_file, storing
from docsort.remote import Place, reaching, upload
from docsort.table_files import TEXT_COLUMNS, csv_of, table_of
from docsort.tables import ANSWERS, check_columns

INTERNAL = "picture"
"""Column of a part that is of no use to others."""

ABOUT = ("page", "file", "sha256", "ensemble")
"""Columns before ANSWERS but for image_id: what the page is called (`scan.pdf#2` for the second of several), the file
that it is in, SHA-256 of what was answered (the file, or the picture of its page; empty where there is none), and the
fingerprint of the ensemble."""

RESULT = (*ABOUT, *ANSWERS[1:])
"""Columns of a result, before p_<target>."""

TEXT_TYPES = dict.fromkeys(TEXT_COLUMNS, "object")


class Writer(Protocol):
    """Takes one table after the other, all with the same columns."""

    def write(self, table: pd.DataFrame) -> None: ...

    def close(self) -> None: ...


class CsvWriter:
    """Text comes back as it went, and runs in no spreadsheet."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._first = file, True

    def write(self, table: pd.DataFrame) -> None:
        self._file.write(csv_of(table, header=self._first))
        self._first = False

    def close(self) -> None:
        """Nothing is held back."""


class JsonWriter:
    """An object a line; what is missing is null."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, table: pd.DataFrame) -> None:
        text = table.to_json(orient="records", lines=True, force_ascii=False, double_precision=15)
        self._file.write(text.encode("utf-8", errors="surrogateescape"))

    def close(self) -> None:
        """Nothing is held back."""


class ParquetWriter:
    """A row group a table."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writer: Any = None

    def write(self, table: pd.DataFrame) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pa.Table.from_pandas(table, preserve_index=False)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema)
        self._writer.write_table(rows.cast(self._writer.schema))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


WRITERS: dict[str, type[CsvWriter] | type[JsonWriter] | type[ParquetWriter]] = {
    ".csv": CsvWriter,
    ".jsonl": JsonWriter,
    ".parquet": ParquetWriter,
}


def read_result(path: Path) -> pd.DataFrame:
    """What `join_parts` wrote. Raises InputError for a file that is none, StorageError where it cannot be read."""
    readers: dict[str, Callable[[bytes], pd.DataFrame]] = {
        ".csv": table_of,
        ".jsonl": lambda data: pd.read_json(BytesIO(data), lines=True, dtype=TEXT_TYPES, precise_float=True),
        ".parquet": lambda data: pd.read_parquet(BytesIO(data)),
    }
    if path.suffix.lower() not in readers:
        raise InputError(f"Expected the answers to be a file that ends in {', '.join(readers)}, but got {path}.")
    data = read_file(path)
    try:
        table = readers[path.suffix.lower()](data)
        check_columns(table, RESULT, str(path))
    except (ValueError, OSError, InputError) as error:  # pandas' and pyarrow's own are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(
            f"Expected {path} to be answers that `docsort predict --to` wrote, but it is not ({reason}); name another "
            "file, or answer the pages again."
        ) from error
    return table


def check_result(path: Place) -> None:
    """Raises InputError for a name that says no format, and for a folder or bucket that is not there."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"Expected --to to end in {', '.join(WRITERS)}, but got {path}.")
    if not isinstance(path, Path):
        with reaching(str(path)):
            is_bucket = path.parents[-1].exists()
        if not is_bucket:
            raise InputError(f"Expected --to to be in a bucket that is there, but got {path}; make the bucket.")
        return
    if path.is_dir():
        raise InputError(f"Expected --to to be a file, but {path} is a folder; name a file in it.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"Expected --to to be a file in a folder that is there, but got {path}; make the folder.")


def read_part(path: Place) -> pd.DataFrame:
    """The table of a part that is there. Raises StorageError for a store that does not answer."""
    if isinstance(path, Path):
        return pd.read_parquet(path)
    with reaching(str(path)):
        return pd.read_parquet(BytesIO(path.read_bytes()))


def join_parts(parts: Iterable[Place], result: Place) -> None:
    """Writes the result whole or not at all, a part at a time. Raises StorageError where the disk does not take it."""
    write_result((read_part(part).drop(columns=INTERNAL) for part in parts), result)


def write_result(tables: Iterable[pd.DataFrame], result: Place) -> None:
    """The same of tables, one below the other; for a store the result is made on the disk first."""
    if not isinstance(result, Path):
        with TemporaryDirectory(prefix="docsort-result-") as folder:
            write_result(tables, Path(folder) / result.name)
            upload(Path(folder) / result.name, result)
        return
    with storing(result), partial_of(result) as partial:
        with partial.open("xb") as file:
            writer = WRITERS[result.suffix.lower()](file)
            for table in tables:
                writer.write(table)
            writer.close()
        partial.replace(result)
