"""The kinds of members `probe`, `slim_residual` and `grey`: a small classifier on features that nobody trains.

Light: this module runs in the main process and imports no torch.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.errors import InputError
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Kind, Member, MemberParameters, Task
from docsort.members.splits import Split
from docsort.models.descriptions import DESCRIPTION_FILE, WEIGHTS_FILE
from docsort.models.origin import BackboneParameters
from docsort.probes.features import features_name, features_of_renders
from docsort.probes.grey import grey_of_renders
from docsort.probes.model import (
    ARRAYS_FILE,
    FACTS_FILE,
    Facts,
    GreyMember,
    ProbeMember,
    answer,
    read_facts,
    save_probe,
)
from docsort.probes.parameters import (
    GREY,
    PROBE,
    SLIM_RESIDUAL,
    GreyParameters,
    LearntPages,
    ProbeParameters,
    SlimResidualParameters,
)
from docsort.probes.regression import Head, Known, fit_logistic
from docsort.seeding import derive_seed
from docsort.stores import fingerprint
from docsort.work.executor import Lease, executor, run

PROBES_VERSION = 1
"""Part of every key: raise it when the same pages would give another model, so that old ones no longer count."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ProbeTask(Task):
    """known: the pages that are learnt."""

    parameters: LearntPages
    known: Known

    def check(self) -> None:
        """Raises InputError for a task without pages of two classes."""
        if len(np.unique(self.known.labels)) < 2:
            raise InputError(
                f"Expected pages of two classes at least to make {self.name}, but got {len(self.known)} pages of one; "
                f"check the folds, or set enabled to false for this member."
            )

    def key(self) -> str:
        parts = (self.known.features, self.known.labels, self.known.folds, self.known.test_like)
        contents = [array.tobytes() for array in parts]
        own = self.parameters
        facts = own.by_content() if isinstance(own, BackboneParameters) else own.deciding()
        return fingerprint(PROBES_VERSION, self.name, list(self.targets), self.seed, facts, *contents)

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        """Writes the head, and the frozen network that it reads; the record has how many pages were learnt."""
        seed, classes = derive_seed(self.seed, "probe", self.name), len(self.targets)
        with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
            head, facts = self._fit(classes, seed)
        save_probe(head, self._facts(), folder)
        if isinstance(self.parameters, BackboneParameters):
            from docsort.models.weights import save_model
            from docsort.probes.reader import frozen_network

            save_model(*frozen_network(self.parameters, self.targets), folder)
        right = float((answer(head, self.known.features).argmax(axis=1) == self.known.labels).mean())
        logger.info("%s: learnt %d pages, %.1f %% of them", self.name, len(self.known), 100 * right)
        return {"pages": len(self.known), **facts}

    def _fit(self, classes: int, seed: int) -> tuple[Head, dict[str, Any]]:
        if isinstance(self.parameters, SlimResidualParameters):
            from docsort.probes.residual import fit_residual

            return fit_residual(self.known, classes, self.parameters, seed), {}
        balanced = self.parameters.class_weights == "balanced"
        head, strength = fit_logistic(self.known, classes, balanced, seed)
        return head, {"strength": strength}

    def _facts(self) -> Facts:
        parameters = self.parameters
        if isinstance(parameters, GreyParameters):
            return Facts(self.targets, parameters.side, pixels=parameters.pixels)
        assert isinstance(parameters, BackboneParameters)
        return Facts(self.targets, parameters.side, features_name(parameters))


class ProbeKind(Kind):
    """Logistic regression on the features of a frozen network (Alain & Bengio, "Understanding intermediate layers using
    linear classifier probes", ICLR workshop 2017; as a baseline of transfer: Kornblith et al., CVPR 2019)."""

    name = PROBE
    Parameters: ClassVar[type[MemberParameters]] = ProbeParameters
    equivariant = True
    files: ClassVar[Sequence[str]] = (ARRAYS_FILE, FACTS_FILE, WEIGHTS_FILE, DESCRIPTION_FILE)

    def task(self, name: str, split: Split, parameters: Any, seed: int) -> ProbeTask:
        """Reads the features first, in the workers."""
        own = split.at(parameters.page_format)
        renders = pages_to_learn(own, parameters)
        return ProbeTask(
            name, self.name, own, parameters, seed, known_of(own, renders, self._read(renders, own, parameters))
        )

    def _read(self, renders: pd.DataFrame, split: Split, parameters: Any) -> NDArray[np.float32]:
        return features_of_renders(renders["path"].astype(str).tolist(), parameters, split.cache)

    def check(self, parameters: Any) -> None:
        """Builds the network once, in a worker. Raises InputError or WeightsError where that cannot be."""
        executor().concurrent(parameters.device)
        run(_check_network, parameters)

    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        return read_facts(checkpoint.folder).targets

    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        return ProbeMember(checkpoint.folder, device)

    def graph(self, checkpoint: Checkpoint) -> Any:
        from docsort.probes.graph import ProbeGraph

        return ProbeGraph(checkpoint.folder)

    def load_graph(self, checkpoint: Checkpoint, graph: Path) -> Member:
        return ProbeMember(checkpoint.folder, "cpu", graph)


class SlimResidualKind(ProbeKind):
    """See `probes.residual`."""

    name = SLIM_RESIDUAL
    Parameters = SlimResidualParameters


class GreyKind(ProbeKind):
    """Logistic regression on a few grey pixels."""

    name = GREY
    Parameters = GreyParameters
    equivariant = False
    no_graph = "see a page in grey as OpenCV shrinks it, in whole numbers"
    files = (ARRAYS_FILE, FACTS_FILE)

    def _read(self, renders: pd.DataFrame, split: Split, parameters: Any) -> NDArray[np.float32]:
        return grey_of_renders(renders["path"].astype(str).tolist(), parameters.side, parameters.pixels)

    def check(self, parameters: Any) -> None:
        """Nothing can be wrong that the parameters do not show."""

    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        return GreyMember(checkpoint.folder)


def _check_network(parameters: BackboneParameters) -> None:
    from docsort.probes.reader import frozen_network

    frozen_network(parameters, (0, 1))


def pages_to_learn(split: Split, parameters: LearntPages) -> pd.DataFrame:
    """The plain page and the first copies of each source, and the test-like pages of the folds that are learnt."""
    training = split.training[split.training["copy"] <= parameters.copies]
    parts = [training.assign(condition="training"), split.damaged if parameters.damaged else split.damaged.head(0)]
    return pd.concat(parts, ignore_index=True)


def known_of(split: Split, renders: pd.DataFrame, features: NDArray[np.float32]) -> Known:
    """The pages with labels from 0 on, in the order of the targets."""
    labels = np.searchsorted(split.targets, renders["label"].to_numpy(dtype=np.int64))
    test_like = (renders["condition"] == "test_like").to_numpy(bool)
    return Known(features, labels.astype(np.int64), renders["fold"].to_numpy(dtype=np.int64), test_like)
