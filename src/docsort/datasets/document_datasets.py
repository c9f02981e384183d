"""Text that a person reads (HTML, Markdown), JSON records, and figures."""

import json
from typing import TYPE_CHECKING, Any

from kedro.io.core import Version
from kedro_datasets._typing import JSONPreview, PlotlyPreview

from docsort.datasets.file_dataset import FileDataset

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class TextDataset(FileDataset[str]):
    """UTF-8 text."""

    def encode(self, data: str) -> bytes:
        return data.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


class RecordDataset(FileDataset[dict[str, Any]]):
    """A JSON object. With `optional: true` a missing file loads as an empty one."""

    def __init__(
        self,
        *,
        filepath: str,
        optional: bool = False,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._optional = optional

    def load(self) -> dict[str, Any]:
        return {} if self._optional and not self.exists() else super().load()

    def encode(self, data: dict[str, Any]) -> bytes:
        return (json.dumps(data, indent=2) + "\n").encode()

    def decode(self, data: bytes) -> dict[str, Any]:
        record = json.loads(data)
        if not isinstance(record, dict):
            raise TypeError
        return record

    def preview(self) -> JSONPreview:
        """The record as it is, for kedro-viz."""
        return JSONPreview(self.read_bytes().decode())


class FigureDataset(FileDataset["Figure"]):
    """A Plotly figure as JSON, drawn in kedro-viz."""

    def encode(self, data: "Figure") -> bytes:
        return str(data.to_json()).encode()

    def decode(self, data: bytes) -> "Figure":
        from plotly.io import from_json

        return from_json(data.decode())

    def preview(self) -> PlotlyPreview:
        """The figure as it is, for kedro-viz."""
        return PlotlyPreview(json.loads(self.read_bytes()))
