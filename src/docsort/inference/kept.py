"""What checkpoints have said before, kept on disk by model, content of the page, and view.

So a change of the vote predicts nothing, and a new model only itself. A folder a checkpoint holds one file for each
prediction that added something; files appear by an atomic rename and are only ever added.

Legend of shapes: N pages, V views, K outputs of the model.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import StorageError
from docsort.stores import Store, file_digest, fingerprint, write_atomically
from docsort.training.checkpoints import Checkpoint
from docsort.views import View

PREDICTION_VERSION = 1
"""Raise it when the same model would say something else of the same page."""

DIGITS = 24
"""Hexadecimal digits of a page's SHA-256: 96 bits."""

KEYS = ("page", "turn", "scale")

Answers = NDArray[np.float32]


def page_keys(paths: Sequence[str]) -> NDArray[np.object_]:
    """What the files hold, in a few digits each."""
    return np.array([file_digest(path)[:DIGITS] for path in paths], dtype=object)


class KeptPredictions:
    """What one checkpoint has said of pages. store: of all checkpoints; None keeps nothing."""

    def __init__(self, store: Store | None, checkpoint: Checkpoint) -> None:
        self._folder = None if store is None else store.folder(f"{checkpoint.key}-{PREDICTION_VERSION}")
        self._targets = checkpoint.description().targets

    def look_up(self, pages: NDArray[np.object_], views: Sequence[View]) -> Answers:
        """(N, V, K) float32, NaN where nothing was said."""
        answers = np.full((len(pages), len(views), len(self._targets)), np.nan, dtype=np.float32)
        table = self._read()
        if table.empty or not len(pages):
            return answers
        values = table[self._columns].to_numpy(np.float32)
        index = pd.Index(table["page"])
        for number, (turn, scale) in enumerate(views):
            own = np.flatnonzero((table["turn"] == turn) & (table["scale"] == scale))
            first = pd.Series(own, index=index[own])
            rows = first[~first.index.duplicated()].reindex(pages).to_numpy(float)
            there = ~np.isnan(rows)
            answers[there, number] = values[rows[there].astype(int)]
        return answers

    def add(self, pages: NDArray[np.object_], views: Sequence[View], before: Answers, after: Answers) -> None:
        """Keeps what `after` (N, V, K) has and `before` had not. Raises StorageError when the disk does not take it."""
        if self._folder is None:
            return
        rows, numbers = np.nonzero(np.isnan(before[:, :, 0]) & ~np.isnan(after[:, :, 0]))
        if not len(rows):
            return
        turns, scales = np.array(views, dtype=np.int64)[numbers].T
        table = pd.DataFrame({"page": pages[rows], "turn": turns, "scale": scales})
        table = pd.concat([table, pd.DataFrame(after[rows, numbers], columns=self._columns)], axis=1)
        # a page that stands twice in the list was asked twice and said once
        table = table.drop_duplicates(list(KEYS)).sort_values(list(KEYS), ignore_index=True)
        buffer = BytesIO()
        table.to_parquet(buffer, index=False)
        name = fingerprint(table["page"].tolist(), table["turn"].tolist(), table["scale"].tolist())
        try:
            write_atomically(self._folder / f"{name}.parquet", buffer.getvalue())
        except OSError as error:
            raise StorageError(
                f"Expected to keep predictions in {self._folder}, but {error.strerror}; free some space or make it "
                "writable, then run again."
            ) from error

    @property
    def _columns(self) -> list[str]:
        """In the order of the model's outputs."""
        return [f"p_{target}" for target in self._targets]

    def _read(self) -> pd.DataFrame:
        files: list[Path] = sorted(self._folder.glob("*.parquet")) if self._folder is not None else []
        tables = [_read_part(file) for file in files]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*KEYS, *self._columns])


def _read_part(file: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"Expected {file} to hold predictions, but it cannot be read ({error}); delete it, and what it held is "
            "predicted again."
        ) from error
