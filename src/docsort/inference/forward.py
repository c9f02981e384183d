"""Forward passes over pages, inside a worker process. N pages, B batch, V turns, K classes, S side of the square."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from docsort.models.pixels import Normaliser
from docsort.models.turns import apply_turn
from docsort.models.weights import load_model
from docsort.training.epochs import split_rows
from docsort.training.pages import StreamedPages, loader_workers_for
from docsort.training.worker import prepare_worker
from docsort.workers import worker_count

logger = logging.getLogger(__name__)

BATCH_PAGES = {"cpu": 16, "cuda": 128}
"""Pages decoded at a time: enough to keep the device busy, few enough that memory stays flat."""
LINE_INTERVAL_S = 10
"""How often a long prediction says how far it is."""


def forward_pages(
    folder: Path,
    name: str,
    paths: Sequence[str],
    turns: Sequence[int],
    device: str,
    concurrent: int,
    straightened: bool = False,
) -> NDArray[np.float32]:
    """(N, V, K) probabilities of the model in `folder`, rows summing to one; `name` stands in the log."""
    prepare_worker()
    model, description = load_model(folder)
    kind = device.partition(":")[0]
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    normaliser = Normaliser(description.mean, description.std, device)
    workers = loader_workers_for(device, worker_count(), concurrent)
    pages = StreamedPages(paths, description.image_size, workers, pinned=kind == "cuda", straightened=straightened)
    rows = split_rows(np.arange(len(paths)), BATCH_PAGES.get(kind, BATCH_PAGES["cpu"]))
    results, done, started = [], 0, time.perf_counter()
    said = started
    for batch in pages.batches(rows):
        results.append(_batch_probabilities(model, normaliser, batch.to(device, non_blocking=True), turns))
        done += len(batch)
        now = time.perf_counter()
        if now - said > LINE_INTERVAL_S or done == len(paths):
            rate = done * len(turns) / (now - started)
            logger.info("%s: predicted %d/%d pages × %d turns (%d/s)", name, done, len(paths), len(turns), rate)
            said = now
    return np.concatenate(results)


@torch.inference_mode()
def _batch_probabilities(
    model: nn.Module, normaliser: Normaliser, pages: Tensor, turns: Sequence[int]
) -> NDArray[np.float32]:
    """(B, V, K) of uint8 pages (B, 3, S, S)."""
    views = [torch.softmax(model(view).float(), dim=1) for view in _views(pages, normaliser, turns)]
    return torch.stack(views, dim=1).cpu().numpy()


def _views(pages: Tensor, normaliser: Normaliser, turns: Sequence[int]) -> Iterator[Tensor]:
    """(B, 3, S, S) normalised pages, one turn after the other."""
    for turn in turns:
        yield normaliser(apply_turn(pages, turn))
