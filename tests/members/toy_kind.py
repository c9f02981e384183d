"""A kind of member that no other file knows: it learns the mean colour of each class."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from docsort.errors import InputError
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import by_content
from docsort.members.member import Answers, Kind, MemberParameters, Task
from docsort.members.pages import Pages, RenderPages
from docsort.members.splits import Split
from docsort.members.views import ViewPolicy
from docsort.stores import fingerprint
from docsort.work.executor import Lease

COLOURS = "colours.json"


class ToyParameters(MemberParameters):
    kind: Literal["toy"] = "toy"
    size: int = 16

    @property
    def side(self) -> int:
        return self.size


@dataclass(frozen=True, eq=False)
class ToyTask(Task):
    parameters: ToyParameters

    def check(self) -> None:
        if self.parameters.size > 1000:
            raise InputError(f"Expected a size of at most 1000, but got {self.parameters.size}.")

    def key(self) -> str:
        facts = self.parameters.deciding()
        return fingerprint("toy", self.name, list(self.targets), facts, by_content(self.split.training))

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        training = self.split.training
        pages = RenderPages(training["path"].tolist()).squares(range(len(training)), self.parameters.side)
        means = pages.mean(axis=(1, 2))
        colours = {str(target): means[training["label"] == target].mean(axis=0).tolist() for target in self.targets}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / COLOURS).write_text(json.dumps(colours))
        return {"pages": len(training), "device": lease.devices[0]}


class ToyMember:
    """The nearer the mean colour, the likelier the class."""

    def __init__(self, targets: tuple[int, ...], colours: np.ndarray) -> None:
        self.targets, self.colours = targets, colours

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        answers = known.copy()
        for row in np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1)).tolist():
            colour = pages.squares([row], 16)[0].mean(axis=(0, 1))
            powers = np.exp(-np.abs(self.colours - colour).sum(axis=1) / 50)
            answers[row] = powers / powers.sum()
        return answers


class ToyKind(Kind):
    name = "toy"
    Parameters = ToyParameters
    equivariant = True
    files = (COLOURS,)

    def task(self, name: str, split: Split, parameters: ToyParameters, seed: int) -> ToyTask:
        return ToyTask(name, self.name, split.at(parameters.page_format), parameters, seed)

    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        return tuple(int(target) for target in json.loads((checkpoint.folder / COLOURS).read_text()))

    def load(self, checkpoint: Checkpoint, device: str) -> ToyMember:
        colours = json.loads((checkpoint.folder / COLOURS).read_text())
        return ToyMember(tuple(map(int, colours)), np.array(list(colours.values())))
