"""Pages as batches of pixels, from memory or from disk. N pages, B batch, S side of the square.

Where the decoded set fits, it is decoded once and kept (`ResidentPages`); else threads decode ahead (`StreamedPages`).
Both give the same pixels for the same rows; `input_path` chooses.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from docsort.chunks import chunks, one_ahead
from docsort.members.pages import RenderPages

Rows = NDArray[np.int64]
DECODED_TOGETHER = 64
FREE_SHARE = 4
"""A quarter of the free memory may hold pixels: the rest is for models, the other workers and the user's own work."""
LIMIT_FILES = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container says how much memory it may use, which psutil does not know."""


class Pages(Protocol):
    """A list of pages that can be read in any order, any number of times."""

    def __len__(self) -> int: ...

    def batches(self, rows: Iterable[Rows]) -> Iterator[Tensor]:
        """For each array of row numbers one (B, 3, S, S) uint8 tensor, channels last in memory."""
        ...


class ResidentPages:
    """All pages decoded in one uint8 tensor (N, S * S * 3).

    device: where they are kept. pinned: their batches leave for a GPU, and each is gathered while that computes.
    """

    def __init__(
        self, paths: Sequence[str], size: int, device: str = "cpu", threads: int = 1, pinned: bool = False
    ) -> None:
        self._size, self._pinned = size, pinned
        self._pixels = torch.empty((len(paths), size * size * 3), dtype=torch.uint8, device=device)
        pages = RenderPages(paths, threads)
        for rows in chunks(range(len(paths)), DECODED_TOGETHER):
            self._pixels[rows.start : rows.stop] = torch.from_numpy(pages.squares(rows, size)).flatten(1)

    def __len__(self) -> int:
        return len(self._pixels)

    def batches(self, rows: Iterable[Rows]) -> Iterator[Tensor]:
        listed = list(rows)
        # moved once a pass, because a move waits for the device
        order = torch.from_numpy(np.concatenate(listed)).to(self._pixels.device)
        parts = order.split([len(numbers) for numbers in listed])
        return one_ahead(self._gather, parts) if self._pinned else map(self._gather, parts)

    def _gather(self, numbers: Tensor) -> Tensor:
        # several times as fast as indexing, which does not know that whole rows are wanted
        shape = (len(numbers), self._pixels.shape[1])
        kept = torch.empty(shape, dtype=torch.uint8, device=self._pixels.device, pin_memory=self._pinned)
        torch.index_select(self._pixels, 0, numbers, out=kept)
        return kept.view(-1, self._size, self._size, 3).permute(0, 3, 1, 2)


class StreamedPages:
    """Pages decoded when they are wanted, a batch ahead of its use, by so many threads."""

    def __init__(self, paths: Sequence[str], size: int, threads: int = 1, pinned: bool = False) -> None:
        self._pages, self._size, self._pinned = RenderPages(paths, threads), size, pinned

    def __len__(self) -> int:
        return len(self._pages)

    def batches(self, rows: Iterable[Rows]) -> Iterator[Tensor]:
        return one_ahead(self._read, rows)

    def _read(self, rows: Rows) -> Tensor:
        batch = torch.from_numpy(self._pages.squares(rows.tolist(), self._size))
        return (batch.pin_memory() if self._pinned else batch).permute(0, 3, 1, 2)


def fits(count: int, size: int, budget: int) -> bool:
    """Whether `count` pages of this size fit in `budget` bytes as uint8."""
    return count * size * size * 3 <= budget


def memory_budget(concurrent: int) -> int:
    """Bytes of pixels that one of `concurrent` processes may keep: its share of a quarter of what is free now."""
    free = psutil.virtual_memory().available
    for file in LIMIT_FILES:
        if file.is_file() and (text := file.read_text().strip()).isdigit():
            free = min(free, int(text))
    return int(free // FREE_SHARE // max(1, concurrent))
