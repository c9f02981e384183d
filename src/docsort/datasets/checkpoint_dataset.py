"""A pointer to trained weights: a small versioned JSON record; the weights lie in the checkpoint store.

An old version of the pointer still names the weights of its time, so `kedro run --load-versions` brings them back.
"""

import json
from pathlib import Path
from typing import Any

from kedro.io.core import Version
from kedro_datasets._typing import JSONPreview

from docsort.datasets.file_dataset import FileDataset
from docsort.errors import StorageError
from docsort.members.checkpoints import Checkpoint
from docsort.stores import Store

Checkpoints = dict[str, Checkpoint] | list[dict[str, Checkpoint]]
"""By name; or by name per fold."""


class CheckpointsDataset(FileDataset[Checkpoints]):
    """Checkpoints, on disk as their keys. It exists only when each one is finished and whole in the store."""

    def __init__(
        self,
        *,
        filepath: str,
        store: dict[str, str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._store = Store(Path(store["path"]))

    def encode(self, data: Checkpoints) -> bytes:
        return json.dumps(data, default=lambda checkpoint: checkpoint.key, indent=1).encode()

    def decode(self, data: bytes) -> Checkpoints:
        found = json.loads(data)
        gone = [str(self._store.folder(key)) for key in _keys(found) if self._store.finished(key) is None]
        if gone:
            raise StorageError(
                f"Expected the checkpoint {gone[0]} that {self._filepath} points to, but it is gone, damaged or not "
                "finished; run the training pipeline again."
            )
        return [self._checkpoints(fold) for fold in found] if isinstance(found, list) else self._checkpoints(found)

    def preview(self) -> JSONPreview:
        """The record as it is, for kedro-viz."""
        return JSONPreview(self.read_bytes().decode())

    def _checkpoints(self, keys: dict[str, str]) -> dict[str, Checkpoint]:
        return {name: Checkpoint(folder=self._store.folder(key), key=key) for name, key in keys.items()}


def _keys(found: Any) -> list[str]:
    return [key for fold in (found if isinstance(found, list) else [found]) for key in fold.values()]
