"""A folder of finished work, each piece kept under the fingerprint of what made it.

A piece counts only when its completion record is there, and the record is written last, by an atomic rename: a run
killed at any moment leaves either a finished piece or one that does not count. What is unfinished keeps its files, so
that the maker can go on from them.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

RECORD = "complete.json"


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


def file_digest(path: str) -> str:
    """SHA-256 of what a file holds. Each is read once a process; one that changed is read again."""
    status = Path(path).stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=400_000)
def _digest_of(path: str, size: int, changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)  # on a full disk it would keep the space that is asked to be freed
        raise


@dataclass(frozen=True)
class Store:
    """Finished pieces of work below one folder, one folder a fingerprint."""

    root: Path

    def folder(self, key: str) -> Path:
        """Where the piece lives, finished or not; not created by asking."""
        return self.root / key

    def record(self, key: str) -> dict[str, Any] | None:
        """The completion record, or None while the piece is not finished, or where the record is damaged."""
        path = self.folder(key) / RECORD
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return record

    def complete(self, key: str, record: Mapping[str, Any]) -> None:
        """Declares the piece finished; nothing may be written to its folder afterwards."""
        text = json.dumps(dict(record), indent=1, sort_keys=True, default=str)
        write_atomically(self.folder(key) / RECORD, text.encode())
