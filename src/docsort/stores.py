"""A folder of finished work, each piece kept under the fingerprint of what made it.

A piece counts only when its completion record is there, and the record is written last, by an atomic rename: a run
killed at any moment leaves either a finished piece or one that does not count. What is unfinished keeps its files, so
that the maker can go on from them.

The record has the SHA-256 of every file of the piece, and one of itself. Whoever reads such a file compares, wherever
it has been copied to with its record: a bit that the disk has lost is noticed, and `finished` makes the maker make the
piece again. That is also why shards of renders need not be synced to the disk one by one: what a power cut has lost is
found wanting by its sum. A record of before there were sums is believed.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from docsort.errors import StorageError, listing
from docsort.files import read_file, reading, write_atomically

RECORD = "complete.json"
LOCK = ".lock"
"""In the folder of a piece while it is made."""
CONTENT = "content"
"""The file of a piece that has one."""
FILES, DIGEST = "files", "digest"
"""What a record has beside what its maker noted: SHA-256 by name of file, and a fingerprint of all the rest."""

logger = logging.getLogger(__name__)


def fingerprint(*parts: object) -> str:
    """20 hexadecimal digits of SHA-256 over parts: JSON-like values, bytes, pydantic models or tables.

    Tables count by column names, order of rows and values, not by index; mappings regardless of key order.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_canonical(part))
        digest.update(b"\x1e")
    return digest.hexdigest()[:20]


def _canonical(part: object) -> bytes:
    if isinstance(part, bytes):
        return part
    if isinstance(part, pd.DataFrame):
        return part.to_csv(index=False, lineterminator="\n").encode()
    if hasattr(part, "model_dump"):
        part = part.model_dump(mode="json")
    return json.dumps(part, sort_keys=True, default=str, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: str) -> str:
    """SHA-256 of what a file holds. Each is read once a process; one that changed is read again."""
    status = os.stat(path)  # noqa: PTH116 (a hundred thousand times)
    return _digest_of(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=400_000)
def _digest_of(path: str, size: int, changed: int, number: int) -> str:
    return sha256(Path(path).read_bytes())


def checked_digest(path: str, record: str = RECORD) -> str:
    """`file_digest`, or StorageError where the record beside the file says otherwise, or is damaged itself."""
    with reading(path):
        digest = file_digest(path)
    return _checked(path, digest, record)


def read_checked(path: str | Path, record: str = RECORD) -> bytes:
    """What the file holds, or StorageError where it cannot be read or is not what the record beside it says."""
    data = read_file(Path(path))
    _checked(str(path), sha256(data), record)
    return data


def is_whole(path: str) -> bool:
    """Whether the file is there and, as far as a record beside it can tell, as it was written."""
    try:
        checked_digest(path)
    except StorageError:
        return False
    return True


def damaged(path: str | Path) -> StorageError:
    """The sentence for a file that is not what it was when it was written."""
    return StorageError(
        f"Expected {path} to be as it was written, but its bytes have changed since; run the pipeline that writes it "
        "again."
    )


def _checked(path: str, digest: str, record: str) -> str:
    folder, name = os.path.split(path)
    if noted_digests(f"{folder or '.'}/{record}").get(name, digest) != digest:
        raise damaged(path)
    return digest


def noted_digests(record: str) -> dict[str, str]:
    """SHA-256 by name of file in the folder of this record; empty where there is none, or one without sums.

    Raises StorageError for a damaged record.
    """
    try:
        status = os.stat(record)  # noqa: PTH116 (for every page of every epoch)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return _noted_digests(record, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=20_000)
def _noted_digests(record: str, size: int, changed: int, number: int) -> dict[str, str]:
    found = unsealed(read_file(Path(record)))
    if found is None:
        raise damaged(record)
    digests: dict[str, str] = found[1]
    return digests


def sealed(record: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """A record as text, with the sums of the files that it declares whole and one of its own."""
    body = json.loads(json.dumps({**record, FILES: dict(files)}, default=str))
    return json.dumps({**body, DIGEST: fingerprint(body)}, indent=1, sort_keys=True).encode()


def unsealed(data: bytes) -> tuple[dict[str, Any], dict[str, str]] | None:
    """What the maker noted, and the sums of the files; None for what is damaged."""
    try:
        body = json.loads(data)
        digest = body.pop(DIGEST, None)
    except (ValueError, AttributeError, TypeError):
        return None
    if (digest is not None or FILES in body) and digest != fingerprint(body):
        return None
    return body, body.pop(FILES, {})


@dataclass(frozen=True)
class Store:
    """Finished pieces of work below one folder, one folder a fingerprint."""

    root: Path

    def folder(self, key: str) -> Path:
        """Where the piece lives, finished or not; not created by asking."""
        return self.root / key

    def record(self, key: str) -> dict[str, Any] | None:
        """What was noted of the piece, or None while it is not finished, or where the record is damaged."""
        found = self._record(key)
        return None if found is None else found[0]

    def finished(self, key: str) -> dict[str, Any] | None:
        """What was noted of a piece whose files are all as they were written. Otherwise None, and a warning that names
        what is damaged, for whoever makes the piece again. Every file is read once a process.
        """
        found = self._record(key)
        if found is None:
            if (self.folder(key) / RECORD).exists():
                logger.warning("%s is damaged: it counts as not finished", self.folder(key) / RECORD)
            return None
        record, digests = found
        changed = [name for name, digest in digests.items() if not self._is_as_noted(key, name, digest)]
        if changed:
            logger.warning("Damaged in %s, so it counts as not finished: %s", self.folder(key), listing(changed, 3))
            return None
        return record

    def complete(self, key: str, record: Mapping[str, Any]) -> None:
        """Declares the piece finished; nothing may be written to its folder afterwards."""
        folder = self.folder(key)
        names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
        listed = [name.as_posix() for name in names if name != Path(RECORD) and not name.name.startswith(".")]
        digests = {name: file_digest(str(folder / name)) for name in listed}
        write_atomically(folder / RECORD, sealed(record, digests))

    @contextmanager
    def making(self, key: str) -> Iterator[None]:
        """One process at a time makes the piece, also where several runs share the store: who comes second waits, and
        then asks whether it is `finished`. The lock ends with its process. Where the file system takes no locks nobody
        waits.
        """
        lock = self.folder(key) / LOCK
        with ExitStack() as stack:
            with suppress(OSError, NotImplementedError):
                lock.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(lock, thread_local=False))
            yield
            with suppress(OSError):
                if self.record(key) is not None:  # who waits for a file that is gone finds the piece finished
                    lock.unlink()

    def kept(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The piece of one file: made now, unless it was made before and is whole."""
        with self.making(key):
            if self.finished(key) is None:
                write_atomically(self.folder(key) / CONTENT, make())
                self.complete(key, {})
        return read_checked(self.folder(key) / CONTENT)

    def kept_table(self, key: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """`kept` of a table; its index is not kept."""
        return pd.read_parquet(BytesIO(self.kept(key, lambda: make().to_parquet(index=False))))

    def _record(self, key: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        path = self.folder(key) / RECORD
        return unsealed(read_file(path)) if path.is_file() else None

    def _is_as_noted(self, key: str, name: str, digest: str) -> bool:
        try:
            return file_digest(str(self.folder(key) / name)) == digest
        except OSError:
            return False
