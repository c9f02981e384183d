"""A network that is asked about pages: forward passes inside a worker process.

Pages are read in chunks, each once; the views of a chunk are put together to batches, whatever their turns, so that the
device is as busy at the last page as at the first. Memory holds two chunks of pixels and the answers. Every batch has
the same size, the last one padded: libraries choose their way to compute by the shape of a batch, and an answer must
not depend on which other pages are asked about beside it, not in a single bit.

Legend of shapes: N pages, B batch, V views, K classes, S side of the square, D features.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from docsort.chunks import chunks, one_ahead
from docsort.errors import InputError
from docsort.members.member import Answers, Blocks
from docsort.members.pages import Pages
from docsort.members.views import AS_IT_LIES, ViewPolicy
from docsort.models.activations import blocks_and_logits, last_layer
from docsort.models.backbones import require_input_size
from docsort.models.descriptions import read_description
from docsort.models.folding import fold_normalisation
from docsort.models.onnx_files import PROBABILITIES, Session
from docsort.models.pixels import Normaliser
from docsort.models.threads import freed_memory_kept, one_thread
from docsort.models.turns import apply_turns
from docsort.models.weights import load_model
from docsort.work.channel import report
from docsort.work.progress import PagesPredicted

CHUNK_PAGES = {"cpu": 64, "cuda": 1024}
"""Pages held as pixels at a time."""
BATCH_VIEWS = {"cpu": 16, "cuda": 512}
"""Squares of one forward pass: enough to keep the device busy, few enough for its caches and its memory, and for a
single page not to wait long."""
SIZE_STEP = 32
"""Scaled sides are rounded to a multiple of this, which all backbones take."""


class NetworkMember:
    """The network of a model folder (`models.weights`), on a device, ready to be asked."""

    def __init__(self, folder: Path, device: str) -> None:
        self.net, self.description = load_model(folder)
        self.targets = self.description.targets
        self.device, self._kind = device, device.partition(":")[0]
        with one_thread():
            folded = fold_normalisation(self.net, self.description.image_size)
        self.model = folded.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normaliser = Normaliser(self.description.mean, self.description.std, device)
        self.batch = BATCH_VIEWS.get(self._kind, BATCH_VIEWS["cpu"])

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        """See `members.member.Member`. Raises InputError for a scale that the backbone does not take."""
        sides = {scale: self._side(scale) for _, scale in policy.views}
        answers, wanting = known.copy(), np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1))
        with one_thread(), freed_memory_kept(self.device):
            for rows, squares in self._chunks(pages, wanting):
                forwards = self._fill(answers, rows, squares, policy, sides)
                report(PagesPredicted(len(rows), forwards))
        return answers

    def embed(self, pages: Pages) -> Blocks:
        """See `members.member.Embedder`. Raises InputError for a backbone without a last layer."""
        found = []
        with one_thread(), freed_memory_kept(self.device):
            for _, squares in self._chunks(pages, np.arange(len(pages))):
                found.append(self._features_and_answers(squares)[0])
        return _joined(found)

    def predict_and_embed(self, pages: Pages, policy: ViewPolicy, known: Answers) -> tuple[Answers, Blocks]:
        """See `members.member.Embedder`. Raises as `predict` and `embed` do."""
        place = policy.views.index(AS_IT_LIES) if AS_IT_LIES in policy.views else None
        if place is None or not np.isnan(known[:, place, 0]).all() or not self._answers_alike:
            return self.predict(pages, policy, known), self.embed(pages)
        sides = {scale: self._side(scale) for _, scale in policy.views}
        answers, found = known.copy(), []
        with one_thread(), freed_memory_kept(self.device):
            for rows, squares in self._chunks(pages, np.arange(len(pages))):
                blocks, answers[rows, place] = self._features_and_answers(squares)
                found.append(blocks)
                forwards = self._fill(answers, rows, squares, policy, sides)
                report(PagesPredicted(len(rows), len(rows) + forwards))
        return answers, _joined(found)

    @cached_property
    def _answers_alike(self) -> bool:
        """Whether the pass that shows features gives the same answer as the one that does not, in every bit."""
        side = self.description.image_size
        noise = torch.randint(0, 256, (2, 3, side, side), generator=torch.Generator().manual_seed(0))
        squares = noise.to(self.device, torch.uint8)
        with one_thread(), torch.inference_mode():
            return torch.equal(self._look(squares)[1], self._forward(squares, side))

    def _features_and_answers(self, squares: Tensor) -> tuple[Blocks, Answers]:
        """Blocks (B, D) and probabilities (B, K) of squares (B, 3, S, S) as they lie."""
        looked = [(*self._look(part), count) for part, count in self._batches(squares)]
        blocks = [[block[:count] for block in blocks] for blocks, _, count in looked]
        return _joined(blocks), torch.cat([answers[:count].cpu() for _, answers, count in looked]).numpy()

    @torch.inference_mode()
    def _look(self, squares: Tensor) -> tuple[Blocks, Tensor]:
        """The same of one batch; the probabilities on the device."""
        layer = last_layer(self.model, self.description.backbone)
        blocks, logits = blocks_and_logits(self.model, layer, self.normaliser(squares))
        return [block.cpu().numpy() for block in blocks], torch.softmax(logits.float(), dim=1)

    def _chunks(self, pages: Pages, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Row numbers and their squares (B, 3, S, S) on the device, uint8; the next are read meanwhile."""
        parts = list(chunks(rows, CHUNK_PAGES.get(self._kind, CHUNK_PAGES["cpu"])))
        read = one_ahead(lambda part: pages.squares(part.tolist(), self.description.image_size), parts)
        for part, squares in zip(parts, read, strict=True):
            yield part, torch.from_numpy(squares).permute(0, 3, 1, 2).to(self.device)

    def _fill(
        self, answers: Answers, rows: NDArray[np.int64], squares: Tensor, policy: ViewPolicy, sides: dict[int, int]
    ) -> int:
        """Puts the predictions for squares (B, 3, S, S) into the rows of answers, where they are missing; how many
        forward passes of one square it took.
        """
        places, views = np.nonzero(np.isnan(answers[rows, :, 0]))
        scales = np.array([policy.views[view][1] for view in views], dtype=np.int64)
        for scale in np.unique(scales):
            chosen = np.flatnonzero(scales == scale)
            asked, turns = places[chosen], [policy.views[view][0] for view in views[chosen]]
            answers[rows[asked], views[chosen]] = self._ask(squares, asked, turns, sides[int(scale)])
        return len(places)

    @torch.inference_mode()
    def _ask(self, squares: Tensor, places: NDArray[np.int64], turns: Sequence[int], side: int) -> Answers:
        """(len(places), K): of each square the view in its turn."""
        predicted = []
        for start in range(0, len(places), self.batch):
            part = slice(start, start + self.batch)
            chosen = squares[torch.from_numpy(places[part]).to(self.device)]
            views = apply_turns(chosen, torch.tensor(turns[part], device=self.device))
            for whole, count in self._batches(views):
                predicted.append(self._forward(whole, side)[:count].cpu())
        return torch.cat(predicted).numpy()

    def _forward(self, views: Tensor, side: int) -> Tensor:
        """(B, K) probabilities of a batch of squares (B, 3, S, S) uint8."""
        return torch.softmax(self.model(self._sized(views, side)).float(), dim=1)

    def _batches(self, squares: Tensor) -> Iterator[tuple[Tensor, int]]:
        """Squares in batches of one size, the last one filled up with its first square; and how many count."""
        for start in range(0, len(squares), self.batch):
            part = squares[start : start + self.batch]
            spare = self.batch - len(part)
            yield torch.cat([part, part[:1].expand(spare, -1, -1, -1)]) if spare else part, len(part)

    def _sized(self, views: Tensor, side: int) -> Tensor:
        pixels = self.normaliser(views)
        if side == self.description.image_size:
            return pixels
        scaled = functional.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        return scaled.contiguous(memory_format=torch.channels_last)

    def _side(self, scale: int) -> int:
        if scale == 100:
            return self.description.image_size
        side = max(SIZE_STEP, round(self.description.image_size * scale / 100 / SIZE_STEP) * SIZE_STEP)
        require_input_size(self.model, self.description.backbone, side)
        return side


class GraphMember(NetworkMember):
    """The same network on a CPU, computed by the ONNX file that was written of it (`models.graphs.NetworkGraph`)."""

    def __init__(self, folder: Path, graph: Path) -> None:
        self.description = read_description(folder)
        self.targets, self.device, self._kind = self.description.targets, "cpu", "cpu"
        self.batch, self._session = BATCH_VIEWS["cpu"], Session(graph)

    @property
    def _answers_alike(self) -> bool:
        return True

    def _look(self, squares: Tensor) -> tuple[Blocks, Tensor]:
        found = self._run(squares)
        answers = torch.from_numpy(found.pop(PROBABILITIES))
        return list(found.values()), answers

    def _forward(self, views: Tensor, side: int) -> Tensor:
        return torch.from_numpy(self._run(views)[PROBABILITIES])

    def _run(self, views: Tensor) -> dict[str, NDArray[np.float32]]:
        return self._session(pages=views.permute(0, 2, 3, 1).contiguous().numpy())

    def _side(self, scale: int) -> int:
        if scale != 100:
            raise InputError(
                f"Expected views of the member's own scale, as its ONNX graph takes no other, but got {scale} percent; "
                "answer with torch."
            )
        return self.description.image_size


def _joined(parts: Sequence[Blocks]) -> Blocks:
    """One below the other."""
    return [np.concatenate(block) for block in zip(*parts, strict=True)]
