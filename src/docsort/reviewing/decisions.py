"""The ledger file while people judge: one row is written at a time, and nobody's row is overwritten unseen.

Each decision names the version of the row that it was based on. Under a lock the file is read again, the version
compared, the one row changed and the file replaced whole. So a hand edit meanwhile is kept, two tabs or two servers
cannot overwrite each other, and a kill at any moment leaves the file before or after a decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from docsort.errors import DocsortError, InputError, StorageError
from docsort.files import write_atomically
from docsort.reviewing.records import Record, Sheet, parse_sheet
from docsort.tables import LEDGER

NO_ROW = "none"
"""The version of an image that has no row yet."""

SEVERAL = "several"
"""Stands for the action of an image with more than one row, which only a person can settle."""

LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Decision:
    """An image's row of the ledger as text, and the version of that row."""

    action: str
    old_label: str
    new_label: str
    reason: str
    evidence: str
    decided_by: str
    decided_on: str
    version: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """What a write did: the row's text before (None: there was none), and the decision that now stands, if any."""

    before: str | None
    decision: Decision | None

    @property
    def version(self) -> str:
        return self.decision.version if self.decision else NO_ROW


class StaleDecisionError(DocsortError):
    """The row has changed since the person looked at it."""


class LedgerFile:
    """The ledger at `path`; `full_ids` maps whatever a row may call an image to its image id. columns: that it must
    have, those of tables.LEDGER and more; key: the one by which it knows an image.

    All methods read the file anew. They raise InputError when it is no ledger, StorageError when it cannot be read or
    written.
    """

    def __init__(
        self, path: Path, full_ids: Mapping[str, str], columns: tuple[str, ...] = LEDGER, key: str = "image_id"
    ) -> None:
        self.path = path.resolve()
        self._full_ids, self._columns, self._key = full_ids, columns, key
        self._lock_path = self.path.with_name(f".{self.path.name}.lock")

    def read(self) -> dict[str, Decision]:
        """All decisions by image id."""
        sheet = self._load()
        rows: dict[str, list[Record]] = {}
        for row in sheet.rows:
            if row.cells:
                rows.setdefault(self._image_of(sheet, row), []).append(row)
        return {image_id: _decision(sheet, found) for image_id, found in rows.items()}

    def write(self, image_id: str, cells: Mapping[str, str], version: str) -> Change:
        """Records a decision: `cells` are columns of the ledger without its key; other columns of the row stay.

        Raises StaleDecisionError unless `version` is that of the image's row.
        """

        def record(sheet: Sheet, old: Record | None) -> Record:
            kept = sheet.cells_of(old) if old else {}
            clean = {column: " ".join(text.split()) for column, text in cells.items()}
            return sheet.record({**kept, **clean, self._key: image_id})

        return self._change(image_id, version, record)

    def restore(
        self, image_id: str, before: str | None, version: str, check: Callable[[Mapping[str, str]], object]
    ) -> Change:
        """Puts back the row as `write` found it, byte for byte, or takes the row away where there was none.

        check: raises for cells (of the ledger) that are no decision: what comes back may not be what was handed out.
        """

        def record(sheet: Sheet, old: Record | None) -> Record | None:
            if before is None:
                return None
            rows = parse_sheet(
                f"{sheet.header.line}{sheet.line_end}{before}{sheet.line_end}", self._columns, "the row"
            ).rows
            fits = len(rows) == 1 and 0 < len(rows[0].cells) <= len(sheet.columns)
            if not fits or self._image_of(sheet, rows[0]) != image_id:
                raise InputError(f"Expected the row to put back to be one row of {image_id}, but it is not.")
            check(sheet.cells_of(rows[0]))
            return rows[0]

        return self._change(image_id, version, record)

    def _change(self, image_id: str, version: str, make: Callable[[Sheet, Record | None], Record | None]) -> Change:
        """Swaps the row of one image for another under the lock."""
        try:
            with FileLock(self._lock_path, timeout=LOCK_SECONDS):
                sheet = self._load()
                found = self._rows_of(sheet, image_id)
                old = found[0] if found else None
                if version != _version(found):
                    raise StaleDecisionError(f"The ledger's row of {image_id} has changed since it was shown.")
                if len(found) > 1:
                    raise InputError(f"Expected one row of {image_id} in {self.path}, but got {len(found)}; mend it.")
                new = make(sheet, old)
                after = _swapped(sheet, old, new)
                self._check(after, sheet, image_id, old, new)
                self._save(after)
        except Timeout as error:
            raise StorageError(f"{self.path} has been locked by another program for {LOCK_SECONDS:g} s.") from error
        except OSError as error:  # of the lock
            raise StorageError(
                f"{self.path} cannot be written ({error.strerror}); the decision is not saved."
            ) from error
        return Change(old.line if old else None, _decision(after, [new]) if new else None)

    def _save(self, sheet: Sheet) -> None:
        try:
            write_atomically(self.path, sheet.text.encode())
        except StorageError as error:
            raise StorageError(f"{error} The decision is not saved.") from error

    def _check(self, after: Sheet, sheet: Sheet, image_id: str, old: Record | None, new: Record | None) -> None:
        """Reads back what is to be written: an open quotation mark further up would swallow the new row."""
        read = parse_sheet(after.text, self._columns, str(self.path))
        others = [row.cells for row in sheet.rows if row is not old]
        if [row.cells for row in self._rows_of(read, image_id)] != ([new.cells] if new else []) or others != [
            row.cells for row in read.rows if self._image_of(read, row) != image_id or not row.cells
        ]:
            raise InputError(f"Expected {self.path} to be a whole CSV file, but a quotation mark is open; mend it.")

    def _rows_of(self, sheet: Sheet, image_id: str) -> list[Record]:
        return [row for row in sheet.rows if row.cells and self._image_of(sheet, row) == image_id]

    def _image_of(self, sheet: Sheet, row: Record) -> str:
        name = sheet.cells_of(row)[self._key]
        return self._full_ids.get(name, name)

    def _load(self) -> Sheet:
        try:
            text = self.path.read_bytes().decode()
        except OSError as error:
            raise StorageError(f"Expected a ledger at {self.path}, but got: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise InputError(
                f"Expected {self.path} to be UTF-8, as the page keeps every byte of it that it does not change, but it "
                "is not; save it as UTF-8 (in Excel: CSV UTF-8)."
            ) from error
        return parse_sheet(text, self._columns, str(self.path))


def _swapped(sheet: Sheet, old: Record | None, new: Record | None) -> Sheet:
    if old is None:
        return sheet if new is None else sheet.with_inserted(new)
    return sheet.without(old) if new is None else sheet.with_replaced(old, new)


def _version(rows: list[Record]) -> str:
    """16 hexadecimal digits of the rows' text; the same text is the same version."""
    return sha256("\n".join(row.line for row in rows).encode()).hexdigest()[:16] if rows else NO_ROW


def _decision(sheet: Sheet, rows: list[Record]) -> Decision:
    cells = {column: text for column, text in sheet.cells_of(rows[-1]).items() if column in LEDGER[1:]}
    if len(rows) > 1:
        cells["action"] = SEVERAL
    return Decision(**cells, version=_version(rows))
