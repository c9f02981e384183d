"""A pointer to a trained member, small enough for a JSON, and reading what lies there without torch."""

import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import LeakError, StorageError
from docsort.images.page_format import PageFormat
from docsort.stores import RECORD, Store, noted_digests, read_checked

HISTORY_FILE = "history.csv"

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
"""Columns of a history, one row per epoch. epoch from 1; lr at its end; images_per_s of the training alone, seconds of
the whole epoch; gpu_memory_mb the most that tensors took up in it, MiB, empty where there is no CUDA device."""


@dataclass(frozen=True)
class Checkpoint:
    """A finished member: `folder` is its place in the store, `key` the fingerprint of what made it."""

    folder: Path
    key: str

    def is_complete(self) -> bool:
        """Whether the training that made it came to its end."""
        return self.record() is not None

    def record(self) -> dict[str, Any] | None:
        """What was noted at the end: name, kind, side, straighten and letterboxed of its pages, the `learnt_groups` of
        what it may have learnt from, and what its kind adds, such as scores, the device, and how long it took.
        """
        return Store(self.folder.parent).record(self.folder.name)

    @property
    def kind(self) -> str:
        """The kind of member that it is. Raises StorageError for one that is not finished."""
        return str(self._finished()["kind"])

    @property
    def page_format(self) -> PageFormat:
        """Which pages it has learnt and may be asked about. Raises StorageError where that is not recorded."""
        record = self._finished()
        if "side" not in record or "straighten" not in record:
            raise StorageError(
                f"Expected {self.folder} to say which pages it wants, but it does not, as it is of an earlier version; "
                "train it again."
            )
        # members of before there were others want letterboxed pages
        return PageFormat(int(record["side"]), bool(record["straighten"]), bool(record.get("letterboxed", True)))

    def learnt_groups(self) -> set[str]:
        """Groups of pages that it may have learnt from. Raises LeakError where that is not recorded."""
        learnt = (self.record() or {}).get("learnt_groups")
        if learnt is None:
            raise LeakError(f"Expected {self.folder} to say what was learnt there, but it does not; train it again.")
        return {str(group) for group in learnt}

    def read_history(self) -> pd.DataFrame:
        """The table HISTORY, empty in columns that were not noted then; no rows for a kind that has no epochs."""
        path = self.folder / HISTORY_FILE
        known = path.is_file() or HISTORY_FILE in noted_digests(str(self.folder / RECORD))
        table = pd.read_csv(BytesIO(read_checked(path))) if known else pd.DataFrame(columns=list(HISTORY), dtype=float)
        return table.assign(**{column: math.nan for column in HISTORY if column not in table})

    def history_rows(self) -> list[dict[str, float]]:
        """The numbers of the history, a row per epoch."""
        numbers = self.read_history().select_dtypes("number")
        return [{str(key): float(value) for key, value in row.items()} for row in numbers.to_dict("records")]

    def _finished(self) -> dict[str, Any]:
        record = self.record()
        if record is None:
            raise StorageError(f"Expected a finished member in {self.folder}, but there is none; train again.")
        return record


def collect_folds(*folds: dict[str, Checkpoint]) -> list[dict[str, Checkpoint]]:
    """The checkpoints of each fold by name, in the order of the folds."""
    return list(folds)
