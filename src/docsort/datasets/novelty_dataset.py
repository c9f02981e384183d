"""What one fold's members have learnt, to tell novel pages."""

from docsort.arrays import arrays_from_bytes, arrays_to_bytes
from docsort.datasets.file_dataset import FileDataset
from docsort.ensembling.novelty import NoveltyIndex


class NoveltyDataset(FileDataset[NoveltyIndex]):
    """A NoveltyIndex as safetensors."""

    def encode(self, data: NoveltyIndex) -> bytes:
        return arrays_to_bytes(data.to_arrays())

    def decode(self, data: bytes) -> NoveltyIndex:
        return NoveltyIndex.from_arrays(arrays_from_bytes(data, str(self._filepath)))
