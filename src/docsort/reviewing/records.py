"""Editing a CSV file one row at a time: every other byte stays as a person wrote it."""

import csv
from dataclasses import dataclass, replace
from io import StringIO

from docsort.errors import InputError, listing

BYTE_ORDER_MARK = "\ufeff"
DELIMITERS = ",;\t"
"""What spreadsheets part cells with, the usual one first."""


@dataclass(frozen=True)
class Record:
    """One row: its text, line end included, and the cells it stands for. A blank line has no cells."""

    text: str
    cells: tuple[str, ...]

    @property
    def line(self) -> str:
        """The text without its line end."""
        return self.text.rstrip("\r\n")


@dataclass(frozen=True)
class Sheet:
    """The records of a file; the first names the columns."""

    header: Record
    rows: tuple[Record, ...]
    delimiter: str = ","

    @property
    def columns(self) -> tuple[str, ...]:
        first, *rest = self.header.cells
        return (first.removeprefix(BYTE_ORDER_MARK), *rest)

    @property
    def line_end(self) -> str:
        return "\r\n" if self.header.text.endswith("\r\n") else "\n"

    @property
    def text(self) -> str:
        return self.header.text + "".join(row.text for row in self.rows)

    def cells_of(self, row: Record) -> dict[str, str]:
        """A row's cells by column, stripped; empty where the row is too short."""
        cells = [cell.strip() for cell in row.cells]
        return dict(zip(self.columns, cells + [""] * (len(self.columns) - len(cells)), strict=False))

    def record(self, cells: dict[str, str]) -> Record:
        """Cells by column as a record of this sheet; columns that are not named stay empty."""
        ordered = tuple(cells.get(column, "") for column in self.columns)
        line = StringIO()
        csv.writer(line, delimiter=self.delimiter, lineterminator=self.line_end).writerow(ordered)
        return Record(line.getvalue(), ordered)

    def without(self, old: Record) -> "Sheet":
        return replace(self, rows=tuple(row for row in self.rows if row is not old))

    def with_replaced(self, old: Record, new: Record) -> "Sheet":
        return replace(self, rows=tuple(new if row is old else row for row in self.rows))

    def with_inserted(self, new: Record) -> "Sheet":
        """The record where its first column has its place in a sorted file; all others keep their order."""
        place = self.columns.index("image_id")
        later = (k for k, row in enumerate(self.rows) if len(row.cells) > place and row.cells[place] > new.cells[place])
        at = next(later, len(self.rows))
        before = [*self.rows[:at]]
        if not before and not self.header.text.endswith("\n"):
            return replace(self, header=_ended(self.header), rows=(new, *self.rows))
        if before:
            before[-1] = _ended(before[-1], self.line_end)
        return replace(self, rows=(*before, new, *self.rows[at:]))


def parse_sheet(text: str, columns: tuple[str, ...], name: str) -> Sheet:
    """The file's text as records. Raises InputError when it is no CSV or lacks one of the columns."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    if not lines[-1]:
        lines.pop()
    delimiter = max(DELIMITERS, key=(lines[0] if lines else "").count)
    reader, records, start = csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [], 0
    try:
        for cells in reader:
            records.append(Record("".join(lines[start : reader.line_num]), tuple(cells)))
            start = reader.line_num
    except csv.Error as error:
        raise InputError(f"Expected {name} to be CSV, but line {start + 1} is not ({error}); mend it.") from error
    if records and _is_open(records[-1], delimiter):
        raise InputError(f"Expected {name} to be a whole CSV file, but a quotation mark is open; mend it.")
    whole = records and records[0].cells
    sheet = Sheet(records[0], tuple(records[1:]), delimiter) if whole else Sheet(Record("", ("",)), ())
    missing = [column for column in columns if column not in sheet.columns]
    if missing:
        first = ",".join(columns)
        raise InputError(f"Expected {name} to begin with the line {first}, but {listing(missing)} is missing; add it.")
    return sheet


def _is_open(last: Record, delimiter: str) -> bool:
    """Whether the last row ends within quotation marks: csv says so when it is strict, which no other row need be."""
    try:
        lines = last.text.splitlines(keepends=True)
        list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _ended(record: Record, line_end: str = "\n") -> Record:
    return record if record.text.endswith("\n") else replace(record, text=record.text + line_end)
