"""Members and their vote as torch modules that can be written as one ONNX graph: pages as they are laid out in, answers
out. They compute what `models.forward`, `probes.reader` and `ensembling` compute, in operations that ONNX has.

Legend of shapes: N pages, V views, K classes of a member, C of the ensemble, M models, S side of a square, D features.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from docsort.models.activations import blocks_and_logits, last_layer
from docsort.models.descriptions import ModelDescription
from docsort.models.folding import fold_normalisation
from docsort.models.threads import one_thread
from docsort.models.turns import apply_turn
from docsort.models.weights import load_model


class MemberGraph(nn.Module, ABC):
    """Pages (N, S, S, 3) uint8 RGB to probabilities (N, K) float32, and blocks (N, D) of what is read on the way.

    reads: names what `read` gives; graphs of the same name read the same of a page.
    """

    reads: str
    side: int
    targets: tuple[int, ...]

    @abstractmethod
    def read(self, pages: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What the answer is made of, and the blocks of features (N, D) float32."""

    @abstractmethod
    def answer(self, read: Tensor) -> Tensor:
        """(N, K) float32, rows summing to one."""

    def forward(self, pages: Tensor) -> tuple[Tensor, ...]:
        read, blocks = self.read(pages)
        return self.answer(read), *blocks


class FrozenReader(nn.Module):
    """A network with its normalisation: pages (N, S, S, 3) uint8 to logits (N, K) and blocks (N, D), float32."""

    scale: Tensor
    shift: Tensor

    def __init__(self, net: nn.Module, description: ModelDescription) -> None:
        super().__init__()
        with one_thread():
            self.net = fold_normalisation(net.eval(), description.image_size)
        # not a submodule of its own: its weights are the network's
        self._layer = (last_layer(self.net, description.backbone),)
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (description.mean, description.std))
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)

    def forward(self, pages: Tensor) -> tuple[Tensor, list[Tensor]]:
        pixels = pages.permute(0, 3, 1, 2).float() * self.scale + self.shift
        blocks, logits = blocks_and_logits(self.net, self._layer[0], pixels)
        return logits.float(), blocks


class NetworkGraph(MemberGraph):
    """A fine-tuned network, asked about a page as it lies."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        net, description = load_model(folder)
        self.reader = FrozenReader(net, description)
        self.reads, self.side, self.targets = str(folder), description.image_size, description.targets

    def read(self, pages: Tensor) -> tuple[Tensor, list[Tensor]]:
        logits, blocks = self.reader(pages)
        return logits, blocks

    def answer(self, read: Tensor) -> Tensor:
        return torch.softmax(read, dim=1)


@dataclass(frozen=True)
class Ballots:
    """How members' answers become one, in numbers. turns (V,): dihedral, in the order in which they are asked; stops,
    margin, heard (M,): see `ViewPolicy`; owners: the model of each member; temperatures (M,); weights (M,), or (C, M)
    by the first guess; geometric: whether logarithms are averaged; shift (C,); calibration: temperature, scale (C,) and
    shift (C,), see `ensembling.temperature`."""

    turns: tuple[int, ...]
    stops: tuple[int, ...]
    margin: float
    heard: tuple[float, ...]
    owners: tuple[int, ...]
    temperatures: tuple[float, ...]
    weights: Sequence[float] | Sequence[Sequence[float]]
    geometric: bool
    shift: tuple[float, ...]
    calibration: tuple[float, tuple[float, ...], tuple[float, ...]]
    smallest: float
    floor: float


class EnsembleGraph(nn.Module):
    """Pages in every format that a member wants, each (N, S, S, 3) uint8 RGB, to calibrated probabilities (N, C)
    float32.

    members: in the order of model and fold; formats: which of the inputs each wants; equivariant: whether it is asked
    once. All views are computed, and those that would not have been asked for left out of the mean.
    """

    def __init__(
        self, members: Sequence[MemberGraph], formats: Sequence[int], equivariant: Sequence[bool], ballots: Ballots
    ) -> None:
        super().__init__()
        self._members = tuple(members)
        self.modules_of_members = nn.ModuleList(members)  # which makes their weights the ensemble's
        self._formats, self._equivariant, self._ballots = tuple(formats), tuple(equivariant), ballots

    def forward(self, pages: tuple[Tensor, ...]) -> Tensor:
        answers = self._ask(pages)
        counts = self._counts(answers)
        share = (torch.arange(len(self._ballots.turns))[None] < counts[:, None]).double() / counts[:, None]
        means = [(own * share[:, :, None]).sum(dim=1) for own in answers]
        return self._calibrated(self._vote(means)).float()

    def _ask(self, pages: Sequence[Tensor]) -> list[Tensor]:
        """(N, V, C) of each member, classes ascending."""
        turns, answers = self._ballots.turns, list[Tensor]()
        read: dict[tuple[str, int, bool], Tensor] = {}
        for member, place, once in zip(self._members, self._formats, self._equivariant, strict=True):
            key = (member.reads, place, once)
            if key not in read:
                read[key] = member.read(pages[place] if once else _turned(pages[place], turns))[0]
            order = torch.tensor(sorted(range(len(member.targets)), key=lambda output: member.targets[output]))
            own = member.answer(read[key]).double()[:, order]
            own = own.reshape(1 if once else len(turns), -1, len(order)).permute(1, 0, 2)
            answers.append(own.expand(-1, len(turns), -1))
        return answers

    def _counts(self, answers: Sequence[Tensor]) -> Tensor:
        """(N,) how many views each page is asked for, see `members.views.views_asked`."""
        counts = torch.full_like(answers[0][:, 0, 0], len(self._ballots.turns))
        for stop in reversed(self._ballots.stops):
            so_far = self._weighted([own[:, :stop].mean(dim=1) for own in answers], self._ballots.heard)
            best = so_far.topk(2, dim=1).values
            counts = torch.where(best[:, 0] - best[:, 1] >= self._ballots.margin, float(stop), counts)
        return counts

    def _vote(self, means: Sequence[Tensor]) -> Tensor:
        """(N, C), see `ensembling.votes.cast_votes`."""
        own = self._ballots
        warm = [_tempered(mean, own.temperatures[model], own) for mean, model in zip(means, own.owners, strict=True)]
        if own.geometric:
            warm = [mean.clamp(min=own.floor).log() + torch.tensor(own.shift, dtype=torch.float64) for mean in warm]
        weights = torch.tensor(own.weights, dtype=torch.float64)
        if weights.dim() == 2:
            first = self._weighted(warm, (1.0,) * weights.shape[1]).argmax(dim=1)
            shares = (weights / weights.sum(dim=1, keepdim=True))[first]
            scores = (torch.stack(self._by_model(warm), dim=2) * shares[:, None, :]).sum(dim=2)
        else:
            scores = self._weighted(warm, tuple(own.weights))  # type: ignore[arg-type]
        return torch.softmax(scores, dim=1) if own.geometric else scores

    def _calibrated(self, votes: Tensor) -> Tensor:
        temperature, scale, shift = self._ballots.calibration
        if scale:
            bend, move = (torch.tensor(values, dtype=torch.float64) for values in (scale, shift))
            votes = torch.softmax(bend * votes.clamp(self._ballots.smallest, 1).log() + move, dim=1)
        return _tempered(votes, temperature, self._ballots)

    def _by_model(self, values: Sequence[Tensor]) -> list[Tensor]:
        """(N, C) of each model, the mean over its folds."""
        owners = self._ballots.owners
        folds = [
            [value for value, owner in zip(values, owners, strict=True) if owner == model]
            for model in sorted(set(owners))
        ]
        return [torch.stack(own).mean(dim=0) for own in folds]

    def _weighted(self, values: Sequence[Tensor], weights: tuple[float, ...]) -> Tensor:
        shares = torch.tensor(weights, dtype=torch.float64) / sum(weights)
        return (torch.stack(self._by_model(values), dim=2) * shares).sum(dim=2)


def _tempered(probabilities: Tensor, temperature: float, own: Ballots) -> Tensor:
    """See `ensembling.reliability.temper`."""
    return torch.softmax(probabilities.clamp(own.smallest, 1).log() / temperature, dim=1)


def _turned(pages: Tensor, turns: Sequence[int]) -> Tensor:
    """(V * N, S, S, 3) pages (N, S, S, 3) in one turn after the other."""
    squares = pages.permute(0, 3, 1, 2)
    return torch.cat([apply_turn(squares, turn) for turn in turns]).permute(0, 2, 3, 1)
