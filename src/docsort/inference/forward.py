"""Forward passes over pages, inside a worker process. N pages, V views, K classes, S side of the square.

Pages are read in chunks, each once; the views of a chunk are put together to batches, whatever their turns, so that the
device is as busy at the last page as at the first. Memory holds one chunk of pixels and the answers.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from docsort.inference.progress import Told
from docsort.models.backbones import require_input_size
from docsort.models.folding import fold_normalisation
from docsort.models.pixels import Normaliser
from docsort.models.turns import apply_turns
from docsort.models.weights import load_model
from docsort.training.epochs import split_rows
from docsort.training.pages import StreamedPages, loader_workers_for
from docsort.training.worker import freed_memory_kept, prepare_worker
from docsort.views import ViewPolicy, is_done, pages_wanting
from docsort.workers import worker_count

logger = logging.getLogger(__name__)

CHUNK_PAGES = {"cpu": 64, "cuda": 1024}
"""Pages held as pixels at a time."""
BATCH_VIEWS = {"cpu": 32, "cuda": 512}
"""Squares of one forward pass: enough to keep the device busy, few enough for its caches and its memory."""
SIZE_STEP = 32
"""Scaled sides are rounded to a multiple of this, which all backbones take."""

Answers = NDArray[np.float32]


def forward_pages(
    folder: Path,
    name: str,
    paths: Sequence[str],
    policy: ViewPolicy,
    known: Answers,
    device: str,
    concurrent: int,
    progress: Path | None = None,
) -> Answers:
    """`known` (N, V, K), filled where the policy asks: probabilities, rows summing to one, NaN where it does not ask.

    known: what was said before, NaN where nothing was. name: stands in the log. progress: file that says how far it is.
    """
    prepare_worker()
    kind = device.partition(":")[0]
    asking = Asking(folder, policy, device)
    pages = StreamedPages(paths, asking.size, _loader_workers(device, concurrent, len(paths)), pinned=kind == "cuda")
    answers, told = known.copy(), Told(name, len(paths), progress)
    rows = split_rows(np.flatnonzero(pages_wanting(known, policy)), CHUNK_PAGES.get(kind, CHUNK_PAGES["cpu"]))
    told.skip(len(paths) - sum(map(len, rows)))
    with freed_memory_kept(device):
        for numbers, batch in zip(rows, pages.batches(rows), strict=True):
            forwards = asking.fill(answers, numbers, batch.to(device, non_blocking=True))
            told.add(len(numbers), forwards)
    told.end()
    return answers


class Asking:
    """A model that is asked about chunks of pages, view after view until the policy is content."""

    def __init__(self, folder: Path, policy: ViewPolicy, device: str) -> None:
        model, self.description = load_model(folder)
        self.policy, self.device, self.size = policy, device, self.description.image_size
        self.sides = {scale: self._side(model, scale) for _, scale in policy.views}
        self.model = fold_normalisation(model, self.size).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normaliser = Normaliser(self.description.mean, self.description.std, device)
        self.batch = BATCH_VIEWS.get(device.partition(":")[0], BATCH_VIEWS["cpu"])

    def fill(self, answers: Answers, numbers: NDArray[np.int64], pages: Tensor) -> int:
        """Puts what the model says of pages (B, 3, S, S), uint8, into the rows `numbers` of answers; how many forward
        passes of one square it took.
        """
        open_places, forwards = np.arange(len(numbers)), 0
        for first, end in self.policy.stages:
            missing = np.isnan(answers[numbers[open_places], first:end, 0])
            places, views = np.nonzero(missing)
            forwards += len(places)
            for scale, chosen in self._by_scale(views + first):
                asked, turns = open_places[places[chosen]], [self.policy.views[v][0] for v in views[chosen] + first]
                said = self._ask(pages, asked, turns, self.sides[scale])
                answers[numbers[asked], views[chosen] + first] = said
            if end < len(self.policy.views):
                done = is_done(answers[numbers[open_places], :end].astype(np.float64), self.policy.margin)
                open_places = open_places[~done]
        return forwards

    def _by_scale(self, views: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
        """For each scale which of the views have it."""
        scales = np.array([scale for _, scale in self.policy.views])[views]
        return [(int(scale), np.flatnonzero(scales == scale)) for scale in np.unique(scales)]

    @torch.inference_mode()
    def _ask(self, pages: Tensor, places: NDArray[np.int64], turns: Sequence[int], side: int) -> Answers:
        """(len(places), K): of each page the view in its turn."""
        said = []
        for start in range(0, len(places), self.batch):
            part = slice(start, start + self.batch)
            chosen = pages[torch.from_numpy(places[part]).to(pages.device)]
            views = apply_turns(chosen, torch.tensor(turns[part], device=pages.device))
            said.append(torch.softmax(self.model(self._sized(views, side)).float(), dim=1).cpu())
        return torch.cat(said).numpy()

    def _sized(self, views: Tensor, side: int) -> Tensor:
        pixels = self.normaliser(views)
        if side == self.size:
            return pixels
        scaled = functional.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        return scaled.contiguous(memory_format=torch.channels_last)

    def _side(self, model: nn.Module, scale: int) -> int:
        if scale == 100:
            return self.size
        side = max(SIZE_STEP, round(self.size * scale / 100 / SIZE_STEP) * SIZE_STEP)
        require_input_size(model, self.description.backbone, side)
        return side


def _loader_workers(device: str, concurrent: int, count: int) -> int:
    return loader_workers_for(device, worker_count(), concurrent) if count > CHUNK_PAGES["cpu"] else 0
