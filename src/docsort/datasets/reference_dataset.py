"""How the pages look and are answered that an ensemble was validated on."""

from docsort.arrays import arrays_from_bytes, arrays_to_bytes
from docsort.datasets.file_dataset import FileDataset
from docsort.ensembling.reference import Reference


class ReferenceDataset(FileDataset[Reference]):
    """A Reference as safetensors."""

    def encode(self, data: Reference) -> bytes:
        return arrays_to_bytes(data.to_arrays())

    def decode(self, data: bytes) -> Reference:
        return Reference.from_arrays(arrays_from_bytes(data, str(self._filepath)))
