"""A look: what was learnt of a fold's pages, on disk as plain arrays and a JSON, and asked about other pages.

Legend of shapes: N known pages, U unknown ones, G = 8 turns, C classes, F numbers of a page.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from docsort.errors import WeightsError
from docsort.looking.features import NUMBERS
from docsort.looking.regression import Floats, Numbers, distances, kernel, score, to_probabilities
from docsort.stores import write_atomically

ARRAYS_FILE, DESCRIPTION_FILE = "look.npz", "look.json"
BATCH = 128
"""Pages asked about at a time: memory does not grow with their number."""


@dataclass(frozen=True, eq=False)
class Look:
    """numbers (N, F): the known pages, and turns (N,) that they lie in; weights (G, N, C) for the classes `targets`;
    seen (C,): whether any known page is of the class; width, sharpness: see `looking.learning`.
    """

    targets: tuple[int, ...]
    seen: tuple[bool, ...]
    width: float
    sharpness: float
    numbers: Numbers
    turns: NDArray[np.int64]
    weights: Floats

    def posterior(self, numbers: Numbers) -> Floats:
        """(U, G, C): the probability that a page (U, F) lies in each turn and is of each class, summing to one."""
        parts = [self._posterior(numbers[start : start + BATCH]) for start in range(0, len(numbers), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.weights), len(self.targets)))

    def _posterior(self, numbers: Numbers) -> Floats:
        as_they_lie = np.zeros(len(numbers), dtype=np.int64)
        alike = kernel(distances(numbers, self.numbers), self.width, as_they_lie, self.turns)
        return to_probabilities(score(alike, self.weights), self.sharpness, np.asarray(self.seen))


def save_look(look: Look, folder: Path) -> None:
    """Writes both files. Numbers as float16, which is what they are already; nothing in them is code."""
    buffer = BytesIO()
    np.savez(buffer, numbers=look.numbers.astype(np.float16), turns=look.turns.astype(np.int8), weights=look.weights)
    write_atomically(folder / ARRAYS_FILE, buffer.getvalue())
    facts = {"targets": look.targets, "seen": look.seen, "width": look.width, "sharpness": look.sharpness}
    write_atomically(folder / DESCRIPTION_FILE, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())


def load_look(folder: Path) -> Look:
    """Raises WeightsError unless both files are whole and belong to this version of the features."""
    try:
        facts = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS_FILE, allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in ("numbers", "turns", "weights")}
        look = Look(
            targets=tuple(int(target) for target in facts["targets"]),
            seen=tuple(bool(seen) for seen in facts["seen"]),
            width=float(facts["width"]),
            sharpness=float(facts["sharpness"]),
            numbers=parts["numbers"].astype(np.float32),
            turns=parts["turns"].astype(np.int64),
            weights=parts["weights"].astype(np.float64),
        )
        problem = next(_problems(look), None)
    except (OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(f"Expected a look in {folder}, but it cannot be read ({error!r}); train again.") from error
    if problem is not None:
        raise WeightsError(f"Expected the look in {folder} to be whole, but {problem}; train again.")
    return look


def _problems(look: Look) -> Iterator[str]:
    pages, classes = len(look.numbers), len(look.targets)
    if look.numbers.shape != (pages, NUMBERS):
        yield f"its pages are described in another way ({look.numbers.shape})"
    if look.weights.shape != (8, pages, classes) or look.turns.shape != (pages,) or len(look.seen) != classes:
        yield f"its arrays do not fit each other ({look.weights.shape}, {look.turns.shape})"
