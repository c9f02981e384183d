"""An ensemble as one folder; versions share their members' files where the disk can link them."""

import logging
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io.core import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import ENSEMBLE_FILE
from docsort.errors import StorageError
from docsort.files import read_file

logger = logging.getLogger(__name__)


class EnsembleDataset(AbstractVersionedDataset[Ensemble, Ensemble]):
    """Saved and loaded by the ensemble itself; it exists when all its files are as they were written."""

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(PurePosixPath(filepath), version, exists_function=_is_there, glob_function=_versions)
        self.metadata = metadata

    def load(self) -> Ensemble:
        return Ensemble.load(Path(self._get_load_path()))

    def save(self, data: Ensemble) -> None:
        data.save(Path(self._get_save_path()).absolute())

    def preview(self) -> JSONPreview:
        """The manifest as it is, for kedro-viz."""
        return JSONPreview(read_file(Path(self._get_load_path()) / ENSEMBLE_FILE).decode(errors="replace"))

    def _exists(self) -> bool:
        place = Path(self._get_load_path())
        try:
            return _is_there(str(place)) and Ensemble.load(place).is_whole()
        except StorageError as error:
            logger.warning("%s", error)
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _is_there(path: str) -> bool:
    return (Path(path) / ENSEMBLE_FILE).is_file()


def _versions(pattern: str) -> list[str]:
    """Folders that match the pattern of a versioned path."""
    head, _, tail = pattern.partition("*")
    return [str(path) for path in Path(head).glob(f"*{tail}") if _is_there(str(path))] if Path(head).is_dir() else []
