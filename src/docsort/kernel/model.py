"""A kernel model: what was learnt of a fold's pages, on disk as plain arrays and a JSON, and asked about other pages.

Legend of shapes: N known pages, U unknown ones, B of them at a time, G = 8 turns, C classes, F numbers of a page.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.arrays import Arrays, read_arrays, write_arrays
from docsort.chunks import each_alone
from docsort.errors import WeightsError
from docsort.files import write_atomically
from docsort.kernel.describing import describe_square
from docsort.kernel.descriptors import NUMBERS
from docsort.kernel.regression import Floats, Numbers, distances_to_known, kernel, score, to_probabilities
from docsort.members.member import Answers
from docsort.members.pages import Pages
from docsort.members.views import ViewPolicy
from docsort.stores import read_checked
from docsort.work.channel import report
from docsort.work.progress import PagesPredicted

ARRAYS_FILE, FACTS_FILE = "kernel.safetensors", "kernel.json"


@dataclass(frozen=True, eq=False)
class KernelModel:
    """numbers (N, F): descriptors of the known pages, and turns (N,) that they lie in; weights (G, N, C) for the
    classes `targets`; seen (C,): whether any known page is of the class; width, sharpness: see `kernel.learning`.
    side: of the squares that it reads, pixels; straightened: whether these are laid straight.
    """

    targets: tuple[int, ...]
    seen: tuple[bool, ...]
    width: float
    sharpness: float
    side: int
    straightened: bool
    numbers: Numbers
    turns: NDArray[np.int64]
    weights: Floats

    @cached_property
    def lengths(self) -> Numbers:
        """(N,) squared lengths of the known pages' descriptors."""
        return np.asarray((self.numbers**2).sum(axis=1), dtype=np.float32)

    def posterior(self, numbers: Numbers) -> Floats:
        """(U, G, C): the probability that a page (U, F) lies in each turn and is of each class, summing to one.

        t-th turn: the page, laid straight, lies as `apply_turn(page, t)` lays an upright one.
        """
        found = np.zeros((len(numbers), len(self.weights), len(self.targets)))
        for row, page in enumerate(each_alone(numbers)):
            found[row] = self._posterior(page)[0]
        return found

    def _posterior(self, numbers: Numbers) -> Floats:
        as_they_lie = np.zeros(len(numbers), dtype=np.int64)
        alike = kernel(distances_to_known(numbers, self.numbers, self.lengths), self.width, as_they_lie, self.turns)
        return to_probabilities(score(alike, self.weights), self.sharpness, np.asarray(self.seen))


class KernelMember:
    """A kernel model that is asked about pages; see `members.member.Member`. A turned page gets the same answer."""

    def __init__(self, model: KernelModel) -> None:
        cv2.setNumThreads(0)
        self.model, self.targets = model, model.targets

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        answers = known.copy()
        missing = np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1))
        with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
            classes = self.model.posterior(self._described(pages, missing)).sum(axis=1)
        shares = classes / classes.sum(axis=1, keepdims=True)
        answers[missing] = shares[:, None].astype(np.float32)
        report(PagesPredicted(len(missing), len(missing)))
        return answers

    def _described(self, pages: Pages, rows: NDArray[np.int64]) -> Numbers:
        """(B, F); what another fold's model has had described of the same pages is taken as it is."""
        cached = _described.setdefault(pages, {}).setdefault((self.model.side, self.model.straightened), {})
        for row in rows.tolist():
            if row not in cached:
                cached[row] = describe_square(pages.squares([row], self.model.side)[0], self.model.straightened)
        return np.array([cached[row] for row in rows.tolist()], dtype=np.float32).reshape(-1, NUMBERS)


_described: WeakKeyDictionary[Pages, dict[tuple[int, bool], dict[int, Numbers]]] = WeakKeyDictionary()
"""Descriptors of the pages at hand, by side and row: the models of all folds are asked about the same ones."""


def save_model(model: KernelModel, folder: Path) -> None:
    """Writes both files. Numbers as float16, which is what they are already; nothing in them is code."""
    arrays: Arrays = {
        "numbers": model.numbers.astype(np.float16),
        "turns": model.turns.astype(np.int8),
        "weights": model.weights,
    }
    write_arrays(folder / ARRAYS_FILE, arrays)
    names = ("targets", "seen", "width", "sharpness", "side", "straightened")
    facts = {name: getattr(model, name) for name in names}
    write_atomically(folder / FACTS_FILE, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())


def read_facts(folder: Path) -> dict[str, object]:
    """The content of `kernel.json`.

    Raises StorageError where it is missing or not as it was written, WeightsError where it is something else.
    """
    path = folder / FACTS_FILE
    try:
        facts: dict[str, object] = json.loads(read_checked(path))
        facts["targets"] = tuple(int(target) for target in facts["targets"])  # type: ignore[attr-defined]
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"Expected {path} to describe a kernel model, but got {error!r}; train again.") from error
    return facts


def load_model(folder: Path) -> KernelModel:
    """Raises StorageError unless both files are as they were written, WeightsError unless they belong to each other and
    to this version of the descriptors.
    """
    facts, arrays = read_facts(folder), read_arrays(folder / ARRAYS_FILE)
    try:
        model = KernelModel(
            **{**facts, "seen": tuple(map(bool, facts["seen"]))},  # type: ignore[call-overload,arg-type]
            numbers=arrays["numbers"].astype(np.float32),
            turns=arrays["turns"].astype(np.int64),
            weights=arrays["weights"].astype(np.float64),
        )
        problem = next(_problems(model), None)
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"Expected a kernel model in {folder}, but got {error!r}; train again.") from error
    if problem is not None:
        raise WeightsError(f"Expected the kernel model in {folder} to be whole, but {problem}; train again.")
    return model


def _problems(model: KernelModel) -> Iterator[str]:
    pages, classes = len(model.numbers), len(model.targets)
    if model.numbers.shape != (pages, NUMBERS):
        yield f"its pages are described in another way ({model.numbers.shape})"
    if model.weights.shape != (8, pages, classes) or model.turns.shape != (pages,) or len(model.seen) != classes:
        yield f"its arrays do not fit each other ({model.weights.shape}, {model.turns.shape})"
