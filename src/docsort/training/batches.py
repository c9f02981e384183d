"""What the training loop is fed: pages, labels and the draws of the epoch. B batch, S side of the square."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from docsort.chunks import chunks
from docsort.models.page_batches import Pages
from docsort.training.epochs import EpochPlan, Mix
from docsort.training.warping import Warp, draw_warp

Sliced = TypeVar("Sliced", NDArray[np.int64], Tensor)


class Share(NamedTuple):
    """Which part of the work is this process's, of `world` that train one model together.

    rank: from 0. devices: of all of them, in the order of their ranks.
    """

    rank: int = 0
    world: int = 1
    devices: tuple[str, ...] = ()

    def of(self, values: Sliced) -> Sliced:
        """Every world-th of the values, from the rank on."""
        return values[self.rank :: self.world]

    def gather(self, own: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """All `count` values, of which each process has its own; every process must call it."""
        if self.world == 1:
            return own
        parts: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(parts, own)
        gathered = np.empty(count, dtype=own.dtype)
        for rank, part in enumerate(parts):
            gathered[rank :: self.world] = part
        return gathered


ALONE = Share()


@dataclass(frozen=True)
class Split:
    """Pages with their output numbers (N,), and for validation the condition of each."""

    pages: Pages
    labels: NDArray[np.int64]
    conditions: Sequence[str] = ()


class Batch(NamedTuple):
    """pages (B, 3, S, S) uint8; labels (B,) output numbers; contrast, brightness (B,); mix of the whole batch.

    turns: (B,), 0 to 7, or None in an epoch without turns.
    """

    pages: Tensor
    labels: Tensor
    turns: Tensor | None
    contrast: Tensor
    brightness: Tensor
    mix: Mix
    warp: Warp | None


class EpochBatches:
    """The batches of one planned epoch, in the shape of a loader; `done` are left out at its beginning.

    Of several processes that train together each gets its own share of every batch, evenly dealt. device: where all but
    the pages is wanted.
    """

    def __init__(
        self, split: Split, plan: EpochPlan, done: int = 0, share: Share = ALONE, device: torch.device | str = "cpu"
    ) -> None:
        self.split, self.plan, self.done, self.share, self.device = split, plan, done, share, device

    def __len__(self) -> int:
        return len(self.plan.rows) - self.done

    def __iter__(self) -> Iterator[Batch]:
        plan, share = self.plan, self.share
        left = plan.rows[self.done :]
        own = [share.of(rows) for rows in left]
        turned = bool(plan.turns.any())
        drawn = zip(*self._drawn(own), strict=True)
        for number, pages in enumerate(self.split.pages.batches(own)):
            place = self.done + number
            labels, turns, contrast, brightness = next(drawn)
            warp = draw_warp(plan.stage, len(left[number]), *plan.source, place)
            own_warp = None if warp is None else Warp(*(share.of(values) for values in warp))
            yield Batch(pages, labels, turns if turned else None, contrast, brightness, plan.mix[place], own_warp)

    def _drawn(self, own: list[NDArray[np.int64]]) -> list[tuple[Tensor, ...]]:
        """Labels, turns, contrast and brightness of each batch; moved once an epoch, as a move waits for the device."""
        order, sizes = np.concatenate(own), [len(rows) for rows in own]
        values = (self.split.labels, self.plan.turns, self.plan.contrast, self.plan.brightness)
        return [torch.from_numpy(each[order]).to(self.device).split(sizes) for each in values]


class OrderedBatches:
    """All pages in their order, or one process's share of them, in the shape of a loader: (B, 3, S, S) uint8."""

    def __init__(self, pages: Pages, batch_size: int, share: Share = ALONE) -> None:
        self.pages = pages
        self.rows = list(chunks(share.of(np.arange(len(pages))), batch_size))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Tensor]:
        return self.pages.batches(self.rows)
