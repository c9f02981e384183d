"""A training in its middle, on disk: everything that decides how it goes on.

Read with `weights_only`, so nothing in the file is executed. It begins with the sum of the rest: what is damaged, or of
another version, does not count, and the training begins anew. The file goes when the training is done.
"""

import io
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from docsort.errors import WeightsError
from docsort.files import read_file, write_atomically
from docsort.stores import sha256
from docsort.training.parameters import RESUME_FILE

logger = logging.getLogger(__name__)

FORMAT = 3
DIGITS = 64
"""Of the sum, SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class Position:
    """epoch, from 0; batches of it that are done; optimizer updates done in all."""

    epoch: int = 0
    batches: int = 0
    updates: int = 0


class ResumeFile:
    """The one file of a training; `key` is the fingerprint of what is trained."""

    def __init__(self, folder: Path, key: str, every_s: float) -> None:
        self.path, self.key, self.every_s = folder / RESUME_FILE, key, every_s
        self.saved_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self.saved_at >= self.every_s

    def save(self, position: Position, state: Mapping[str, Any]) -> None:
        """Replaces the last one. state: tensors, numbers, texts, lists and dicts of them."""
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, "key": self.key, "position": vars(position), "state": dict(state)}, buffer)
        data = buffer.getvalue()
        write_atomically(self.path, sha256(data).encode() + data)
        self.saved_at = time.monotonic()

    def load(self) -> tuple[Position, dict[str, Any]] | None:
        """What was saved last, or None where nothing was.

        What is damaged, or of another version, counts as nothing, with a warning. Raises WeightsError for a file of
        another training, StorageError for one that cannot be read.
        """
        if not self.path.is_file():
            return None
        data = read_file(self.path)
        saved = _read(data[DIGITS:]) if data[:DIGITS] == sha256(data[DIGITS:]).encode() else None
        if saved is None or saved["format"] != FORMAT:
            logger.warning("%s is damaged or of another version: the training begins anew", self.path)
            return None
        if saved["key"] != self.key:
            raise WeightsError(
                f"Expected {self.path} to belong to the training {self.key}, but it belongs to {saved['key']}; remove "
                "it to train from the beginning."
            )
        return Position(**saved["position"]), saved["state"]

    def remove(self) -> None:
        """Nothing is left to go on with."""
        self.path.unlink(missing_ok=True)


def _read(data: bytes) -> dict[str, Any] | None:
    """None for what is no such file, although its sum is right."""
    try:
        saved: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # torch raises errors of many kinds for what it cannot read, or must not
        return None
    return saved
