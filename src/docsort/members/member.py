"""The member: whatever answers a page. A fine-tuned network, a kernel model, a specialist are kinds of one thing.

A *kind* makes tasks and opens what they leave behind; a *task* is one training, plain data that travels to a worker; a
*member* is what came of it, ready to be asked. All else (leak checks, keys, caches, folds, votes) knows these three
only, so that a new kind is one folder and one line in `docsort.member_kinds`.

Legend of shapes: N pages, V views, K classes of the member, S side of a square, D features.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from docsort.images.page_format import PageFormat
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import Pages
from docsort.members.splits import Split
from docsort.members.views import View, ViewPolicy
from docsort.parameters import Parameters
from docsort.work.executor import Lease, Needs

Answers = NDArray[np.float32]
"""Probabilities (N, V, K), rows summing to one; NaN where a view was not asked for."""

Blocks = list[NDArray[np.float32]]
"""Features (N, D) of pages, one array per block, from shallow to deep."""


class MemberParameters(Parameters):
    """The parameters that all kinds of members share; a kind adds its own fields."""

    kind: str = Field(description="one of docsort.member_kinds.KINDS")
    enabled: bool = Field(default=True, description="whether it is one of the members of each fold")
    straighten: bool = Field(
        default=True, description="whether its pages are laid straight and cut to their edges, see images.straightening"
    )

    ask_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="share of the pages, those that the other members are least sure of, that it is asked about; below "
        "1 it joins behind a gate, see specialists.late",
    )

    @property
    def side(self) -> int:
        """Side of the square that it wants of a page, pixels."""
        raise NotImplementedError

    @property
    def page_format(self) -> PageFormat:
        """Which pages it wants: it learns, judges and answers these and no other."""
        return PageFormat(self.side, self.straighten)

    @property
    def render_copies(self) -> int | None:
        """The highest copy of a source that it learns, 0 being the plain page; None for all. In a format that no other
        member wants, no more are rendered."""
        return None

    def deciding(self) -> dict[str, Any]:
        """What decides its answers; a kind leaves out where it runs."""
        return self.model_dump(mode="json", exclude={"enabled", "ask_share"})

    def device_needs(self) -> Needs:
        """What its training runs on."""
        return Needs(device="cpu")


@dataclass(frozen=True, eq=False)
class Task(ABC):
    """One training of one member on one fold; picklable.

    name: "fold_0" or "specialist_certificates_fold_0", for the log and for the random numbers. kind: of the member that
    comes of it. split: what it may learn from, and what it holds out. seed: the root seed of the run.
    """

    name: str
    kind: str
    split: Split
    parameters: Any  # the kind's own MemberParameters
    seed: int

    @property
    def targets(self) -> tuple[int, ...]:
        """Class numbers in the order of the member's outputs."""
        return self.split.targets

    @property
    def needs(self) -> Needs:
        """What it runs on."""
        needs: Needs = self.parameters.device_needs()
        return needs

    @abstractmethod
    def check(self) -> None:
        """Raises InputError for what cannot be learnt from, before any work."""

    @abstractmethod
    def key(self) -> str:
        """Fingerprint of all that decides the result: page contents and labels, parameters, name, seed, version."""

    def is_begun(self, folder: Path) -> bool:
        """Whether a run that was killed left a middle to go on from."""
        return False

    @abstractmethod
    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        """Trains in a worker, writes the kind's files to the folder, and returns what is to be noted of it."""


class Member(Protocol):
    """A trained model that is asked about pages, on the device that it was loaded on."""

    targets: tuple[int, ...]

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        """`known` (N, V, K), filled in all views of the policy; what is known already is not asked again. When enough
        has been asked the members together decide (`views.views_asked`), not one of them.

        A page's answer does not depend on which other pages are asked about beside it, not in a single bit.
        """
        ...


class Embedder(Protocol):
    """A member that also has features of a page."""

    def embed(self, pages: Pages) -> Blocks:
        """Of pages as they lie; the last block is what its last layer reads."""
        ...

    def predict_and_embed(self, pages: Pages, policy: ViewPolicy, known: Answers) -> tuple[Answers, Blocks]:
        """`Member.predict` and `embed`, bit for bit. The view of a page as it lies costs one pass for both, where it is
        known of no page yet."""
        ...


class Kind(ABC):
    """A way to make members."""

    name: ClassVar[str]
    Parameters: ClassVar[type[MemberParameters]]
    equivariant: ClassVar[bool] = False
    """Whether a page gets the same answer however it is turned: such members are asked once."""
    no_graph: ClassVar[str] = ""
    """Why its members cannot be written as ONNX, a clause; "" where they can."""
    files: ClassVar[Sequence[str]]
    """What a member is made of on disk, beside its completion record; nothing in it is executable."""

    @abstractmethod
    def task(self, name: str, split: Split, parameters: Any, seed: int) -> Task:
        """The training of one fold. Raises InputError where the pages do not do."""

    def check(self, parameters: Any) -> None:  # noqa: B027  most kinds have nothing to find out
        """Raises a DocsortError for parameters that no member can come of, before any work and without data."""

    def left_out(self, parameters: Any) -> str:
        """Why a member that may be missing cannot be had here, a sentence; "" where it can be had, or may not be
        missing."""
        return ""

    def named(self, parameters: Any, classes: pd.DataFrame) -> Any:
        """The parameters with class numbers for names; classes: CLASSES. Raises InputError for a name of none."""
        return parameters

    @abstractmethod
    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        """Class numbers in the order of the outputs, read without a heavy import."""

    def asked(self, policy: ViewPolicy) -> ViewPolicy:
        """What its members are asked: one view where all have the same answer."""
        return ViewPolicy(name=policy.name, views=policy.views[:1]) if self.equivariant else policy

    def in_views(self, answers: Answers, views: Sequence[View]) -> Answers:
        """Answers to what was asked, (N, V, K), as answers in all views."""
        return np.repeat(answers, len(views), axis=1) if self.equivariant else answers

    @abstractmethod
    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        """Raises WeightsError where the files are damaged or of another kind."""

    def graph(self, checkpoint: Checkpoint) -> Any:
        """A member as a torch module, see `models.graphs.MemberGraph`; of kinds without `no_graph`."""
        raise NotImplementedError

    def load_graph(self, checkpoint: Checkpoint, graph: Path) -> Member:
        """The same member on a CPU, asked by the ONNX file that was written of `graph`."""
        raise NotImplementedError
