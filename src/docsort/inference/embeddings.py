"""A checkpoint's features of pages: where it puts them before it decides. Light: the work is done in a worker."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docsort.training.checkpoints import Checkpoint
from docsort.training.devices import lease_device, side_by_side
from docsort.workers import run_in_worker


def embed(checkpoint: Checkpoint, paths: Sequence[str], name: str, device: str = "auto") -> NDArray[np.float32]:
    """(N, D) what the last layer reads of each page, in their order; (0, 0) of no pages.

    paths: renders or photos of any size. name: what the log calls the model. Each page is decoded once, and memory does
    not grow with their number but for the result. Two models' features have nothing to do with each other, even where
    D is the same. Raises InputError for an unreadable page.
    """
    if not paths:
        return np.zeros((0, 0), dtype=np.float32)
    with lease_device(device) as leased:
        return run_in_worker(
            _embed_in_worker, checkpoint.folder, name, list(paths), leased, side_by_side(leased)
        )


def _embed_in_worker(*arguments: object) -> NDArray[np.float32]:
    from docsort.inference.features import page_features

    return page_features(*arguments)  # type: ignore[arg-type]
