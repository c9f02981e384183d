"""A pointer to trained weights: a small versioned JSON record; the weights lie in the checkpoint store.

An old version of the pointer still names the weights of its time, so `kedro run --load-versions` brings them back.
"""

import json
from pathlib import Path
from typing import Any

from kedro.io.core import Version
from kedro_datasets._typing import JSONPreview

from docsort.datasets.files import FileDataset
from docsort.errors import StorageError
from docsort.stores import Store
from docsort.training.checkpoints import Checkpoint


class CheckpointsDataset(FileDataset[dict[str, Checkpoint]]):
    """Checkpoints by name, on disk as their keys. It exists only when each one is finished and still in the store."""

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

    def encode(self, data: dict[str, Checkpoint]) -> bytes:
        return json.dumps({name: checkpoint.key for name, checkpoint in data.items()}, indent=1).encode()

    def decode(self, data: bytes) -> dict[str, Checkpoint]:
        keys: dict[str, str] = json.loads(data)
        gone = [str(self._store.folder(key)) for key in keys.values() if self._store.record(key) is None]
        if gone:
            raise StorageError(
                f"Expected the checkpoint {gone[0]} that {self._filepath} points to, but it is gone or not finished; "
                "run the training pipeline again."
            )
        return {name: Checkpoint(folder=self._store.folder(key), key=key) for name, key in keys.items()}

    def preview(self) -> JSONPreview:
        """The record as it is, for kedro-viz."""
        return JSONPreview(self.read_bytes().decode())

    def _exists(self) -> bool:
        if not super()._exists():
            return False
        keys: dict[str, str] = json.loads(self.read_bytes())
        return all(self._store.record(key) is not None for key in keys.values())
