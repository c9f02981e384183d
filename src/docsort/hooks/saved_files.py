"""Where a dataset that has just been saved lies."""

from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import AbstractVersionedDataset

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol


def saved_path(catalog: "CatalogProtocol", name: str) -> Path | None:
    """The local file, or folder, that this dataset was saved to in this run; None where it keeps none."""
    dataset = catalog.get(name)
    filepath = getattr(dataset, "_filepath", None)
    if filepath is None:
        return None
    if isinstance(dataset, AbstractVersionedDataset) and (saved := dataset.resolve_save_version()) is not None:
        filepath = filepath / saved / filepath.name
    path = Path(str(filepath))
    return path if path.exists() else None
