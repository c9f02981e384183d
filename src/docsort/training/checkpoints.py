"""A pointer to a trained model, small enough for a JSON, and reading what lies there without torch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import StorageError
from docsort.models.descriptions import ModelDescription, read_description
from docsort.stores import Store

HISTORY_FILE = "history.csv"
RESUME_FILE = "resume.pt"

HISTORY = (
    "epoch",
    "lr",
    "train_loss",
    "clean_macro_f1",
    "test_like_macro_f1",
    "images_per_s",
    "seconds",
    "gpu_memory_mb",
)
"""Columns of a history, one row an epoch. epoch from 1; lr at its end; images_per_s of the training alone, seconds of
the whole epoch; gpu_memory_mb the most that tensors took up in it, MiB, empty where there is no CUDA device."""


@dataclass(frozen=True)
class Checkpoint:
    """A finished model: `folder` is its place in the store, `key` the fingerprint of what made it."""

    folder: Path
    key: str

    def is_complete(self) -> bool:
        """Whether the training that made it came to its end."""
        return self.record() is not None

    def is_begun(self) -> bool:
        """Whether a training that was killed left a middle to go on from."""
        return (self.folder / RESUME_FILE).is_file()

    @property
    def history_path(self) -> Path:
        """Where the history is, rewritten after each epoch; there is none before the first has ended."""
        return self.folder / HISTORY_FILE

    def record(self) -> dict[str, Any] | None:
        """What the training noted at its end: name, best_epoch, its scores, the device, how long it took, and the
        `learnt_groups` of its training renders.
        """
        return Store(self.folder.parent).record(self.folder.name)

    def description(self) -> ModelDescription:
        """Backbone, targets in the order of the outputs, input size; raises WeightsError when it cannot be read."""
        return read_description(self.folder)

    def read_history(self) -> pd.DataFrame:
        """The table HISTORY, empty in columns that were not noted then; raises StorageError when it is not there."""
        path = self.history_path
        if not path.is_file():
            raise StorageError(f"Expected the history of a training at {path}, but there is none; train again.")
        table = pd.read_csv(path)
        return table.assign(**{column: math.nan for column in HISTORY if column not in table})
