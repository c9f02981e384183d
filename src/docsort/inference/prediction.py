"""A checkpoint's probabilities for pages, in any of their eight dihedral turns. Light: the work is done in a worker."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.images.dihedral import TURNS
from docsort.inference.pages import PAGES
from docsort.tables import PREDICTION_KEYS, check_columns
from docsort.training.checkpoints import Checkpoint
from docsort.training.devices import lease_device, side_by_side
from docsort.workers import run_in_worker


def predict(
    checkpoint: Checkpoint, pages: pd.DataFrame, turns: Sequence[int], model: str, device: str = "auto"
) -> pd.DataFrame:
    """A prediction table: one row a page and turn, in the order of the pages, then of the turns.

    pages: the columns `inference.pages.PAGES`; a path may be a render or a photo of any size. turns: dihedral turns
    that the page is laid down in before the model sees it, each at most once. model: what the table calls the model.
    Each page is decoded once, and memory does not grow with their number but for the table. Raises InputError for an
    unreadable page or an impossible turn.
    """
    check_columns(pages, PAGES, "pages")
    if not turns or len(set(turns)) != len(turns) or not set(turns) <= set(TURNS):
        raise InputError(f"Expected turns to be different numbers from 0 to 7, but got {listing(turns)}.")
    targets = checkpoint.description().targets
    paths = [str(path) for path in pages["path"]]
    photos = checkpoint.description().straightened and bool((pages["view"] == "test").all())
    probabilities = np.zeros((0, len(turns), len(targets)), dtype=np.float32)
    if paths:
        name = f"{model}, fold {listing(sorted(set(pages['fold'])))}"
        with lease_device(device) as leased:
            probabilities = run_in_worker(
                _predict_in_worker, checkpoint.folder, name, paths, tuple(turns), leased, side_by_side(leased), photos
            )
    return _as_table(pages.assign(model=model), turns, targets, probabilities)


def _predict_in_worker(*arguments: object) -> NDArray[np.float32]:
    from docsort.inference.forward import forward_pages

    return forward_pages(*arguments)  # type: ignore[arg-type]


def _as_table(
    pages: pd.DataFrame, turns: Sequence[int], targets: Sequence[int], probabilities: NDArray[np.float32]
) -> pd.DataFrame:
    """probabilities: (pages, turns, classes), the classes in the order of `targets`; the columns ascend."""
    table = pages.take(np.repeat(np.arange(len(pages)), len(turns))).reset_index(drop=True)
    table["turn"] = np.tile(np.asarray(turns, dtype=np.int64), len(pages))
    order = np.argsort(targets)
    values = probabilities.reshape(-1, len(targets))[:, order]
    columns = [f"p_{targets[output]}" for output in order]
    return pd.concat([table[list(PREDICTION_KEYS)], pd.DataFrame(values, columns=columns)], axis=1)
