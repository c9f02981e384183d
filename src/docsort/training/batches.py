"""What the training loop is fed: pages, labels and the draws of the epoch. B batch, S side of the square."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from docsort.training.epochs import EpochPlan, Mix, split_rows
from docsort.training.pages import Pages


@dataclass(frozen=True)
class Split:
    """Pages with their output numbers (N,), and for validation the view of each."""

    pages: Pages
    labels: NDArray[np.int64]
    views: Sequence[str] = ()


class Batch(NamedTuple):
    """pages (B, 3, S, S) uint8; labels (B,) output numbers; contrast, brightness (B,); mix of the whole batch.

    turns: B plain numbers, so that they stay with the processor when the rest moves to the device.
    """

    pages: Tensor
    labels: Tensor
    turns: list[int]
    contrast: Tensor
    brightness: Tensor
    mix: Mix


class EpochBatches:
    """The batches of one planned epoch, in the shape of a loader; `done` are left out at its beginning."""

    def __init__(self, split: Split, plan: EpochPlan, done: int = 0) -> None:
        self.split, self.plan, self.done = split, plan, done

    def __len__(self) -> int:
        return len(self.plan.rows) - self.done

    def __iter__(self) -> Iterator[Batch]:
        plan = self.plan
        drawn = (self.split.labels, plan.contrast, plan.brightness)
        left = plan.rows[self.done :]
        for rows, pages, mix in zip(left, self.split.pages.batches(left), plan.mix[self.done :], strict=True):
            labels, contrast, brightness = (torch.from_numpy(values[rows]) for values in drawn)
            yield Batch(pages, labels, plan.turns[rows].tolist(), contrast, brightness, mix)


class OrderedBatches:
    """All pages in their order, in the shape of a loader: (B, 3, S, S) uint8."""

    def __init__(self, pages: Pages, batch_size: int) -> None:
        self.pages = pages
        self.rows = split_rows(np.arange(len(pages)), batch_size)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Tensor]:
        return self.pages.batches(self.rows)
