"""Text that a person reads (HTML, Markdown), and JSON records."""

import json
from typing import Any

from kedro_datasets._typing import JSONPreview

from docsort.datasets.file_dataset import FileDataset


class TextDataset(FileDataset[str]):
    """UTF-8 text."""

    def encode(self, data: str) -> bytes:
        return data.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


class RecordDataset(FileDataset[dict[str, Any]]):
    """A JSON object."""

    def encode(self, data: dict[str, Any]) -> bytes:
        return (json.dumps(data, indent=2) + "\n").encode()

    def decode(self, data: bytes) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(data)
        return record

    def preview(self) -> JSONPreview:
        """The record as it is, for kedro-viz."""
        return JSONPreview(self.read_bytes().decode())
