"""The folder of finished work that a node may look into and add to; see `docsort.stores`."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError

from docsort.stores import Store


class StoreDataset(AbstractDataset[NoReturn, Store]):
    """Loads as a `Store` handle. It has no version and is never saved: its pieces are kept by fingerprint."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Store:
        return Store(self._path.absolute())

    def save(self, data: NoReturn) -> None:
        raise DatasetError(f"{self._path} is a store: nodes add to it through the handle that it loads as.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
