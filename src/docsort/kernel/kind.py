"""The kind of member `kernel`: what is learnt of a fold's pages, and the task that learns it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.errors import InputError
from docsort.kernel.describing import describe_renders
from docsort.kernel.learning import Described, learn
from docsort.kernel.model import (
    ARRAYS_FILE,
    FACTS_FILE,
    KernelMember,
    KernelModel,
    load_model,
    read_facts,
    save_model,
)
from docsort.kernel.parameters import KERNEL, KernelParameters
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Kind, Member, Task
from docsort.members.splits import Split
from docsort.stores import fingerprint
from docsort.work.executor import Lease

KERNEL_VERSION = 3
"""Part of every key: raise it when the same pages would give another model, so that old ones no longer count."""

MOST_PROBES = 500
"""Test-like pages that the sharpness is calibrated on, at most."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class KernelTask(Task):
    """plain, worn: descriptors of the pages that are learnt, as they are and augmented; probes: of the test-like pages
    that calibrate it."""

    parameters: KernelParameters
    plain: Described
    worn: Described
    probes: Described

    def check(self) -> None:
        """Raises InputError for a task without pages of two folds and two classes."""
        known = self.plain
        if len(np.unique(known.folds)) < 2 or len(np.unique(known.labels)) < 2 or not len(self.probes):
            raise InputError(
                f"Expected plain and test-like pages of two folds and two classes at least to make {self.name}, but "
                f"got {len(known)} and {len(self.probes)} pages; run the augmentation again, or set "
                "members.kernel.enabled to false."
            )

    def key(self) -> str:
        parts = (self.plain, self.worn, self.probes)
        contents = [array.tobytes() for part in parts for array in (part.numbers, part.labels, part.folds)]
        facts = [self.parameters.image_size, self.parameters.straighten]
        return fingerprint(KERNEL_VERSION, self.name, list(self.targets), facts, *contents)

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        """Writes kernel.safetensors and kernel.json; the record has how many pages were learnt, and how sharply."""
        with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
            learnt = learn(self.plain, self.worn, self.probes, classes=len(self.targets))
        seen = tuple(np.isin(np.arange(len(self.targets)), self.plain.labels).tolist())
        facts = (self.targets, seen, learnt.width, learnt.sharpness, self.parameters.side, self.parameters.straighten)
        save_model(KernelModel(*facts, learnt.numbers, learnt.turns, learnt.weights), folder)
        logger.info("%s: learnt %d pages, sharpness %.0f", self.name, len(learnt.turns), learnt.sharpness)
        return {"pages": len(learnt.turns), "width": learnt.width, "sharpness": learnt.sharpness}


class KernelKind(Kind):
    """See `members.member.Kind`."""

    name = KERNEL
    Parameters = KernelParameters
    equivariant = True
    no_graph = "describe a page by histograms that OpenCV makes, of the part that is drawn on"
    files = (ARRAYS_FILE, FACTS_FILE)

    def task(self, name: str, split: Split, parameters: KernelParameters, seed: int) -> KernelTask:
        """Describes the pages first, in the workers."""
        own = split.at(parameters.page_format)
        known = own.validation
        plain = _evenly(known[known["condition"] == "clean"], parameters.max_pages)
        worn = _evenly(worn_renders(own.training, parameters), max(0, parameters.max_pages - len(plain)))
        probes = _evenly(known[known["condition"] == "test_like"], MOST_PROBES)
        parts = [_described(renders, own, parameters) for renders in (plain, worn, probes)]
        return KernelTask(name, self.name, own, parameters, seed, *parts)

    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        return read_facts(checkpoint.folder)["targets"]  # type: ignore[return-value]

    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        return KernelMember(load_model(checkpoint.folder))


def worn_renders(training_renders: pd.DataFrame, parameters: KernelParameters) -> pd.DataFrame:
    """The first augmented copies of each source, as many as are learnt; copy 0 is the page as it is."""
    worn = training_renders[training_renders["copy"] > 0].sort_values(["source_id", "copy"])
    return worn.groupby("source_id", sort=False).head(parameters.copies)


def _described(renders: pd.DataFrame, split: Split, parameters: KernelParameters) -> Described:
    numbers = describe_renders(renders["path"].astype(str).tolist(), parameters, split.cache)
    labels = np.searchsorted(split.targets, renders["label"].to_numpy(dtype=np.int64))
    return Described(numbers, labels.astype(np.int64), renders["fold"].to_numpy(dtype=np.int64))


def _evenly(renders: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many renders: first copies of all sources before second ones."""
    ordered = renders.sort_values(["copy", "render_id"], ignore_index=True)
    if len(ordered) <= most:
        return ordered
    rows = np.linspace(0, len(ordered) - 1, most).round().astype(np.int64)
    return ordered.iloc[rows].reset_index(drop=True)
