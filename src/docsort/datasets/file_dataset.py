"""What all single-file datasets here share: a local path, optional versions, and writes that are whole or not at all.

kedro-datasets writes in place, so a run killed while it writes leaves half a file, and half a file "exists".
"""

from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from kedro.io.core import AbstractVersionedDataset, Version

from docsort.stores import write_atomically

T = TypeVar("T")


class FileDataset(AbstractVersionedDataset[T, T], Generic[T]):
    """One object in one file. A subclass says how the object becomes bytes and back."""

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    @abstractmethod
    def encode(self, data: T) -> bytes:
        """The bytes that go into the file."""

    @abstractmethod
    def decode(self, data: bytes) -> T:
        """The object that the file's bytes stand for."""

    def load(self) -> T:
        return self.decode(self.read_bytes())

    def save(self, data: T) -> None:
        write_atomically(Path(self._get_save_path()), self.encode(data))

    @property
    def path(self) -> Path:
        """The file that is read, of the version to be loaded; for what edits it in place, such as the ledger's page."""
        return Path(self._get_load_path())

    def read_bytes(self) -> bytes:
        """The file as it is, of the version to be loaded."""
        return Path(self._get_load_path()).read_bytes()

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
