"""What all single-file datasets here share: a local path, optional versions, and writes that are whole or not at all.

kedro-datasets writes in place, so a run killed while it writes leaves half a file, and half a file "exists".

Beside each file that is written stands its sum, `.<name>.sha256`; what is not as it was written is not read. A file
without one, such as a table of the user's, is read as it is.
"""

import logging
from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from kedro.io.core import AbstractVersionedDataset, Version

from docsort.errors import DocsortError, StorageError
from docsort.files import read_file, remove_partials, write_atomically
from docsort.stores import sha256

T = TypeVar("T")
logger = logging.getLogger(__name__)


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
        """The object that the file's bytes stand for; may raise whatever its decoder raises."""

    def load(self) -> T:
        return self._read()

    def _read(self) -> T:
        data = self.read_bytes()
        try:
            return self.decode(data)
        except DocsortError:
            raise
        except Exception as error:  # decoders of many libraries, each with errors of its own
            raise StorageError(
                f"Expected {self.path} to be what Docsort writes there, but it cannot be read "
                f"({type(error).__name__}); run the pipeline that writes it again."
            ) from error

    def save(self, data: T) -> None:
        path, content = Path(self._get_save_path()), self.encode(data)
        # both sums while the file is replaced: whichever it is when the run is killed, it is as it was written
        sums = [sha256(each) for each in ([content, read_file(path)] if path.is_file() else [content])]
        if self._version:
            remove_partials(Path(self._filepath), "*/.*.partial")
        write_atomically(_sums_file(path), "\n".join(sums).encode())
        write_atomically(path, content)

    @property
    def path(self) -> Path:
        """The file that is read, of the version to be loaded; for what edits it in place, such as the ledger's page."""
        return Path(self._get_load_path())

    def read_bytes(self) -> bytes:
        """The file as it is, of the version to be loaded. Raises StorageError where it is not as it was written."""
        path = self.path
        try:
            data, sums = read_file(path), _sums_file(path)
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise error.__cause__ from None  # the command line names the dataset and the pipeline that writes it
            raise
        if sums.is_file() and sha256(data) not in read_file(sums).decode(errors="replace").split():
            raise StorageError(
                f"Expected {path} to be as it was written, but its bytes have changed since; run the pipeline that "
                f"writes it again, or remove {sums.name} beside it to have it read as it is."
            )
        return data

    def _exists(self) -> bool:
        """Whether it can be read: `--only-missing-outputs` makes again what is damaged."""
        try:
            self._read()
        except FileNotFoundError:
            return False
        except StorageError as error:
            logger.warning("%s", error)
            return False
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _sums_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
