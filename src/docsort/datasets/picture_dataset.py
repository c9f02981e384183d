"""A Pillow picture as PNG, shown in kedro-viz."""

import base64
from io import BytesIO

from kedro_datasets._typing import ImagePreview
from PIL import Image

from docsort.datasets.file_dataset import FileDataset


class PictureDataset(FileDataset[Image.Image]):
    """One picture."""

    def encode(self, data: Image.Image) -> bytes:
        buffer = BytesIO()
        data.save(buffer, format="PNG")
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            picture.load()
            return picture

    def preview(self) -> ImagePreview:
        """The picture as base64 PNG."""
        return ImagePreview(base64.b64encode(self.read_bytes()).decode())
