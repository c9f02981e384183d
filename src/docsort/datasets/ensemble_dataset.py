"""An ensemble as one folder; versions share their members' files where the disk can link them."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io.core import AbstractVersionedDataset, Version
from kedro_datasets._typing import JSONPreview

from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import ENSEMBLE_FILE


class EnsembleDataset(AbstractVersionedDataset[Ensemble, Ensemble]):
    """Saved and loaded by the ensemble itself; it exists when its manifest does, which is written last."""

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
        return JSONPreview((Path(self._get_load_path()) / ENSEMBLE_FILE).read_text(encoding="utf-8"))

    def _exists(self) -> bool:
        return _is_there(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _is_there(path: str) -> bool:
    return (Path(path) / ENSEMBLE_FILE).is_file()


def _versions(pattern: str) -> list[str]:
    """Folders that match the pattern of a versioned path."""
    head, _, tail = pattern.partition("*")
    return [str(path) for path in Path(head).glob(f"*{tail}") if _is_there(str(path))] if Path(head).is_dir() else []
