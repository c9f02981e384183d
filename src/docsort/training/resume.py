"""A training in its middle, on disk: everything that decides how it goes on.

Read with `weights_only`, so nothing in the file is executed. Only whole files count; the file goes when the training is
done.
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
from docsort.stores import write_atomically
from docsort.training.parameters import RESUME_FILE

logger = logging.getLogger(__name__)

FORMAT = 3


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
        write_atomically(self.path, buffer.getvalue())
        self.saved_at = time.monotonic()

    def load(self) -> tuple[Position, dict[str, Any]] | None:
        """What was saved last, or None where nothing was.

        Raises WeightsError for a file that is no such file, or of another training.
        """
        if not self.path.is_file():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            found, position, state = saved["key"], Position(**saved["position"]), saved["state"]
        except Exception as error:  # torch raises errors of many kinds for what it cannot read
            raise WeightsError(
                f"Expected {self.path} to be a training in its middle, but it cannot be read ({type(error).__name__}); "
                "remove it to train from the beginning."
            ) from error
        if found != self.key or saved["format"] != FORMAT:
            raise WeightsError(
                f"Expected {self.path} to belong to the training {self.key}, but it belongs to {found}: its "
                "parameters, pages or version differ; remove it to train from the beginning."
            )
        return position, state

    def remove(self) -> None:
        """Nothing is left to go on with."""
        self.path.unlink(missing_ok=True)
