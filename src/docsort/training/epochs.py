"""The random draws of one epoch, apart from what they are applied to.

Everything is drawn from (seed, task, epoch) before the epoch begins, so no draw depends on workers, on where the pages
come from, or on what happened before: any epoch can be had again by itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docsort.seeding import derive_rng
from docsort.training.parameters import TrainingParameters


@dataclass(frozen=True)
class EpochPlan:
    """rows: the row numbers of each batch. turns, contrast, brightness: one value a row of the training table.

    turns: 0 to 7. contrast: factor. brightness: share of the whole range. mix: one share in [0, 1] a batch, 1 where
    pages are not mixed.
    """

    rows: list[NDArray[np.int64]]
    turns: NDArray[np.int64]
    contrast: NDArray[np.float32]
    brightness: NDArray[np.float32]
    mix: list[float]


def plan_epoch(count: int, parameters: TrainingParameters, seed: int, name: str, epoch: int) -> EpochPlan:
    """The plan of one epoch over `count` rows, each once.

    A last batch of a single row is left out, because batch normalisation needs two.
    """
    rows = split_rows(derive_rng(seed, "training order", name, epoch).permutation(count), parameters.batch_size)
    if len(rows) > 1 and len(rows[-1]) < 2:
        rows.pop()
    views = derive_rng(seed, "training views", name, epoch)
    turns = views.integers(0, 8, count) if parameters.turns else np.zeros(count, dtype=np.int64)
    contrast = 1 + parameters.jitter * views.uniform(-1, 1, count)
    brightness = parameters.jitter / 2 * views.uniform(-1, 1, count)
    mixing = derive_rng(seed, "mixup", name, epoch)
    alpha = parameters.mixup
    mix = [float(mixing.beta(alpha, alpha)) if alpha else 1.0 for _ in rows]
    return EpochPlan(rows, turns, contrast.astype(np.float32), brightness.astype(np.float32), mix)


def split_rows(rows: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Consecutive pieces of `batch_size` rows, the last one as long as it comes."""
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
