"""The manifest of a folder of derived images: a table whose paths lie in a store, with a contact sheet as preview."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io.core import Version
from kedro_datasets._typing import ImagePreview

from docsort.datasets.table_dataset import TableDataset
from docsort.stores import Store, is_whole

PREVIEW_SOURCES = 6
"""Rows of the contact sheet: one source each, with some of its renders."""


class RenderManifestDataset(TableDataset):
    """A manifest table; on disk its paths are relative to the store, so that a data folder can be moved.

    It exists only when every render is still there and whole, so that `--only-missing-outputs` renders again what was
    deleted or damaged.
    """

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

    def encode(self, data: pd.DataFrame) -> bytes:
        relative = data["path"].map(lambda path: Path(path).relative_to(self._store.root).as_posix())
        return super().encode(data.assign(path=relative))

    def decode(self, data: bytes) -> pd.DataFrame:
        table = super().decode(data)
        return table.assign(path=table["path"].map(lambda path: str(self._store.root / path)))

    def preview(self, rows: int = PREVIEW_SOURCES) -> ImagePreview:
        """A contact sheet as base64 PNG."""
        from docsort.augmentation.sheets import renders_sheet

        buffer = BytesIO()
        renders_sheet(self.load(), rows).save(buffer, format="PNG")
        return ImagePreview(base64.b64encode(buffer.getvalue()).decode())

    def _exists(self) -> bool:
        return super()._exists() and all(map(is_whole, self._read()["path"]))
