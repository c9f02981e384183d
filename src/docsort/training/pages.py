"""Pages as batches of pixels, from memory or from disk. N pages, B batch, S side of the square.

Where the decoded set fits, it is decoded once and kept (`ResidentPages`); else worker processes decode ahead
(`StreamedPages`). Both give the same pixels for the same rows; `input_path` chooses.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb

Rows = NDArray[np.int64]
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


def decode_page(path: str | Path, size: int) -> NDArray[np.uint8]:
    """A page as (size, size, 3) uint8 RGB, letterboxed on white. Raises UnreadableImageError."""
    return letterbox(read_rgb(path), size)


class ResidentPages:
    """All pages decoded in one uint8 tensor (N, S * S * 3).

    device: where they are kept. pinned: their batches leave for a GPU, and each is gathered while that computes.
    """

    def __init__(
        self, paths: Sequence[str], size: int, device: str = "cpu", loader_workers: int = 0, pinned: bool = False
    ) -> None:
        self._size, self._pinned = size, pinned
        self._pixels = torch.empty((len(paths), size * size * 3), dtype=torch.uint8, device=device)
        streamed = StreamedPages(paths, size, loader_workers)
        rows = [np.arange(start, min(start + 64, len(paths))) for start in range(0, len(paths), 64)]
        for numbers, batch in zip(rows, streamed.batches(rows), strict=True):
            self._pixels[numbers[0] : numbers[-1] + 1] = batch.permute(0, 2, 3, 1).flatten(1)

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


def one_ahead(make: Callable[[Tensor], Tensor], items: Iterable[Tensor]) -> Iterator[Tensor]:
    """What `make` gives for each item, the next being made in a thread while the last is used."""
    with ThreadPoolExecutor(1) as thread:
        coming: Future[Tensor] | None = None
        for item in items:
            following = thread.submit(make, item)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()


class StreamedPages:
    """Pages decoded when they are wanted, ahead of time by worker processes of their own where there are any."""

    def __init__(self, paths: Sequence[str], size: int, loader_workers: int = 0, pinned: bool = False) -> None:
        self._rows = _RowBatches()
        options: dict[str, Any] = {}
        if loader_workers:
            # Spawned, because a fork of a process that has used a GPU or a thread pool may hang.
            context = multiprocessing.get_context("spawn")
            options = {"multiprocessing_context": context, "persistent_workers": True, "prefetch_factor": 4}
        self._files = _PageFiles(list(paths), size)
        self._loader = DataLoader(
            self._files,
            batch_sampler=self._rows,
            num_workers=loader_workers,
            pin_memory=pinned,
            collate_fn=_stack,
            **options,
        )

    def __len__(self) -> int:
        return len(self._files)

    def batches(self, rows: Iterable[Rows]) -> Iterator[Tensor]:
        self._rows.batches = [numbers.tolist() for numbers in rows]
        for batch in self._loader:
            yield batch.permute(0, 3, 1, 2)


class _PageFiles(Dataset[NDArray[np.uint8]]):
    def __init__(self, paths: list[str], size: int) -> None:
        self.paths, self.size = paths, size

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return decode_page(self.paths[row], self.size)


class _RowBatches:
    """The batches that the loader reads next; set before each pass, so its processes can live on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def _stack(pages: list[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(pages))


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


def loader_workers_for(device: str, cores: int, concurrent: int) -> int:
    """How many processes decode for one training: none on a CPU, where every core already trains."""
    return max(1, cores // concurrent - 1) if device.startswith("cuda") else 0
