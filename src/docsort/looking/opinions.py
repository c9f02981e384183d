"""What looks say of pages: prediction tables like those of networks, and how pages lie.

Legend of shapes: U pages, G = 8 turns, C classes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS
from docsort.looking.describing import numbers_of
from docsort.looking.features import Floats
from docsort.looking.looks import load_look
from docsort.tables import PREDICTION_KEYS, VIEW_KEYS, check_columns
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import LOOK
from docsort.views import ViewPolicy
from docsort.workers import run_in_worker

KEYS_OF_PAGES = tuple(key for key in PREDICTION_KEYS if key not in ("model", *VIEW_KEYS))
TURN_POSTERIOR = ("image_id", "fold", "render_id", "view", *(f"t_{turn}" for turn in TURNS))
"""One row a page and fold: t_<k> is the probability that the page, laid straight, lies as `apply_turn(page, k)` lays an
upright one: `undo_turn` with the likeliest k puts it upright. Rows sum to one."""


def predict_by_look(
    checkpoint: Checkpoint, pages: pd.DataFrame, looks: pd.DataFrame, policy: ViewPolicy, model: str = LOOK
) -> pd.DataFrame:
    """A prediction table: one row a page and view, in the order of the pages, then of the views.

    pages: KEYS_OF_PAGES; looks: table LOOKS with their numbers. However a page is turned it gets the same answer, so
    its rows are alike: they are there to be averaged as other models' rows are.
    """
    check_columns(pages, KEYS_OF_PAGES, "pages")
    targets, joint = _ask(checkpoint, pages, looks)
    classes = joint.sum(axis=1) if len(joint) else np.zeros((0, len(targets)))
    classes = (classes / classes.sum(axis=1, keepdims=True)).astype(np.float32)
    rows = np.repeat(np.arange(len(pages)), len(policy.views))
    table = pages.take(rows).reset_index(drop=True).assign(model=model)
    table[list(VIEW_KEYS)] = np.tile(np.asarray(policy.views, dtype=np.int64), (len(pages), 1))
    values = pd.DataFrame(classes[rows], columns=[f"p_{target}" for target in targets])
    return pd.concat([table[list(PREDICTION_KEYS)], values], axis=1)


def turn_posterior(checkpoint: Checkpoint, pages: pd.DataFrame, looks: pd.DataFrame) -> pd.DataFrame:
    """Table TURN_POSTERIOR, in the order of the pages; pages and looks as for `predict_by_look`."""
    check_columns(pages, KEYS_OF_PAGES, "pages")
    _, joint = _ask(checkpoint, pages, looks)
    table = pages[["image_id", "fold", "render_id", "view"]].reset_index(drop=True)
    return pd.concat([table, pd.DataFrame(joint.sum(axis=2), columns=list(TURN_POSTERIOR[4:]))], axis=1)


def _ask(checkpoint: Checkpoint, pages: pd.DataFrame, looks: pd.DataFrame) -> tuple[list[int], NDArray[np.float64]]:
    """The classes (C,), and the joint probabilities (U, G, C)."""
    numbers = numbers_of(looks, pages["render_id"])
    return run_in_worker(_ask_in_worker, checkpoint.folder, numbers)


def _ask_in_worker(folder: Path, numbers: Floats) -> tuple[list[int], NDArray[np.float64]]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    look = load_look(folder)
    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        return list(look.targets), look.posterior(numbers)
