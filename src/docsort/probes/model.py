"""A probe on disk, as plain arrays and a JSON, and asked about pages.

Legend of shapes: N pages, B of them at a time, V views, C classes, D features.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.arrays import read_arrays, write_arrays
from docsort.chunks import chunks, each_alone
from docsort.errors import WeightsError
from docsort.files import write_atomically
from docsort.members.cache import PageCache, page_keys
from docsort.members.member import Answers
from docsort.members.pages import Pages, RenderPages
from docsort.members.views import ViewPolicy
from docsort.probes.features import STORED
from docsort.probes.grey import grey_pixels
from docsort.probes.regression import Head
from docsort.stores import read_checked
from docsort.work.channel import report
from docsort.work.progress import PagesPredicted

ARRAYS_FILE, FACTS_FILE = "probe.safetensors", "probe.json"
READ = 64
"""Pages decoded at a time."""

ARRAYS = ("weights", "bias", "hidden", "shift", "slope", "out", "seen")


@dataclass(frozen=True)
class Facts:
    """targets: class numbers of the outputs; side: of the squares that it reads, pixels; features: what the cache calls
    them; pixels: side of the grey square, 0 where a network is read."""

    targets: tuple[int, ...]
    side: int
    features: str = ""
    pixels: int = 0


def save_probe(head: Head, facts: Facts, folder: Path) -> None:
    """Writes both files; nothing in them is code."""
    arrays = {name: np.asarray(getattr(head, name)) for name in ARRAYS}
    write_arrays(folder / ARRAYS_FILE, {**arrays, "seen": arrays["seen"].astype(np.uint8)})
    text = json.dumps({name: getattr(facts, name) for name in Facts.__dataclass_fields__}, indent=1, sort_keys=True)
    write_atomically(folder / FACTS_FILE, (text + "\n").encode())


def read_facts(folder: Path) -> Facts:
    """Raises StorageError where the file is missing or not as it was written, WeightsError where it is another."""
    path = folder / FACTS_FILE
    try:
        values: dict[str, Any] = json.loads(read_checked(path))
        return Facts(**{**values, "targets": tuple(int(target) for target in values["targets"])})
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"Expected {path} to describe a probe, but got {error!r}; train again.") from error


def read_head(folder: Path, facts: Facts) -> Head:
    """Raises StorageError unless the file is as it was written, WeightsError unless it belongs to the facts."""
    arrays = read_arrays(folder / ARRAYS_FILE)
    missing = [name for name in ARRAYS if name not in arrays]
    if missing or arrays["weights"].shape[1:] != (len(facts.targets),):
        raise WeightsError(f"Expected the weights of a probe of {len(facts.targets)} classes in {folder}; train again.")
    values = {name: arrays[name].astype(np.float64) for name in ARRAYS[:-1]}
    return Head(**values, seen=arrays["seen"].astype(bool))


class ProbeMember:
    """A probe on a network's features; see `members.member.Member`. A turned page gets the same answer.

    graph: the ONNX file that reads pages in the network's place.
    """

    def __init__(self, folder: Path, device: str, graph: Path | None = None) -> None:
        self.facts = read_facts(folder)
        self.head, self.targets = read_head(folder, self.facts), self.facts.targets
        self.folder, self.device, self._graph = folder, device, graph

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        answers = known.copy()
        missing = np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1))
        if len(missing):
            features = self._features(pages, missing)
            answers[missing] = answer(self.head, features)[:, None]
        report(PagesPredicted(len(missing), len(missing)))
        return answers

    def _features(self, pages: Pages, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, D); what another fold's member has read of the same pages is taken as it is."""
        memory = _read.setdefault(pages, {}).setdefault(self.facts.features, {})
        new = [row for row in rows.tolist() if row not in memory]
        if new:
            memory.update(zip(new, self._look_up_or_read(pages, new), strict=True))
        return np.stack([memory[row] for row in rows.tolist()]).astype(np.float32)

    def _look_up_or_read(self, pages: Pages, rows: list[int]) -> NDArray[np.float16]:
        width = len(self.head.weights)
        found = np.full((len(rows), width), np.nan, dtype=STORED)
        if isinstance(pages, RenderPages) and pages.cache is not None:
            keys = page_keys([pages.paths[row] for row in rows])
            found = PageCache(pages.cache, self.facts.features, width, STORED).look_up(keys)[:, 0]
        missing = np.flatnonzero(np.isnan(found[:, 0]))
        if len(missing):
            reader = self._reader()
            for part in chunks(missing, READ):
                found[part] = reader.read(pages.squares([rows[place] for place in part.tolist()], self.facts.side))
        return found

    def _reader(self) -> Any:
        from docsort.probes.reader import GraphReader, kept_reader

        return kept_reader(self.folder, self.device) if self._graph is None else GraphReader(self._graph)


_read: WeakKeyDictionary[Pages, dict[str, dict[int, NDArray[np.float16]]]] = WeakKeyDictionary()
"""Features of the pages at hand, by what they are called and row: the members of all folds are asked about the same."""


class GreyMember:
    """A probe on grey pixels, of a page as it lies; see `members.member.Member`."""

    def __init__(self, folder: Path) -> None:
        self.facts = read_facts(folder)
        self.head, self.targets = read_head(folder, self.facts), self.facts.targets

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        answers = known.copy()
        wanting = np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1))
        for part in chunks(wanting, READ):
            squares = pages.squares(part.tolist(), self.facts.side)
            for number, (turn, _) in enumerate(policy.views):
                answers[part, number] = answer(self.head, grey_pixels(squares, self.facts.pixels, turn))
        report(PagesPredicted(len(wanting), len(wanting) * len(policy.views)))
        return answers


def answer(head: Head, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (N, C) of features (N, D)."""
    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        parts = [head.probabilities(part) for part in each_alone(features)]
    return np.concatenate(parts).astype(np.float32)
