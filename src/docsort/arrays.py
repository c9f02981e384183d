"""Named arrays in one file: safetensors, which holds numbers and nothing that could be executed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.errors import StorageError
from docsort.files import write_atomically
from docsort.stores import RECORD, read_checked

Arrays = dict[str, NDArray[Any]]


def arrays_to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The content of a file; the same arrays give the same bytes."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())})


def arrays_from_bytes(data: bytes, name: str) -> Arrays:
    """The arrays by name; `name` of the file stands in the error. Raises StorageError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, ValueError, KeyError) as error:
        raise StorageError(
            f"Expected arrays in {name}, but the file cannot be read ({error}); run the pipeline that writes it again."
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes the file whole or not at all."""
    write_atomically(path, arrays_to_bytes(arrays))


def read_arrays(path: Path, record: str = RECORD) -> Arrays:
    """The arrays by name. Raises StorageError where the file is missing or not what the record beside it says."""
    return arrays_from_bytes(read_checked(path, record), str(path))
