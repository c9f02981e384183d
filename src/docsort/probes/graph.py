"""A probe as a torch module that can be written as ONNX, see `models.graphs`.

Legend of shapes: N pages, S side of a square, D features, C classes.
"""

from pathlib import Path

import torch
from torch import Tensor

from docsort.images.dihedral import TURNS
from docsort.models.graphs import FrozenReader, MemberGraph
from docsort.models.turns import apply_turn
from docsort.models.weights import load_model
from docsort.probes.model import read_facts, read_head
from docsort.probes.reader import LARGEST


class ProbeGraph(MemberGraph):
    """A frozen network that reads a page in eight turns, and what was learnt of that, which is a `regression.Head`."""

    weights: Tensor
    bias: Tensor
    hidden: Tensor
    shift: Tensor
    slope: Tensor
    out: Tensor
    seen: Tensor

    def __init__(self, folder: Path) -> None:
        super().__init__()
        facts = read_facts(folder)
        head = read_head(folder, facts)
        self.reader = FrozenReader(*load_model(folder))
        self.reads, self.side, self.targets = facts.features, facts.side, facts.targets
        self._hidden = head.hidden.shape[1] > 0
        for name in ("weights", "bias", "hidden", "shift", "slope", "out", "seen"):
            self.register_buffer(name, torch.from_numpy(getattr(head, name)))

    def read(self, pages: Tensor) -> tuple[Tensor, list[Tensor]]:
        squares = pages.permute(0, 3, 1, 2)
        turned = torch.cat([apply_turn(squares, turn) for turn in TURNS]).permute(0, 2, 3, 1)
        blocks = torch.cat(self.reader(turned)[1], dim=1)
        features = blocks.reshape(len(TURNS), -1, self.weights.shape[0]).mean(dim=0)
        return features, [features]

    def answer(self, read: Tensor) -> Tensor:
        values = read.clamp(-LARGEST, LARGEST).half().double()  # what is cached of a page is as rough
        logits = values @ self.weights + self.bias
        if self._hidden:
            inner = values @ self.hidden + self.shift
            logits = logits + torch.where(inner > 0, inner, self.slope * inner) @ self.out
        return torch.softmax(torch.where(self.seen, logits, -torch.inf), dim=1).float()
