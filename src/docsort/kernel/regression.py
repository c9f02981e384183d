"""Which class, and in which turn: kernel ridge regression on pages known in all eight turns.

The regression (Saunders, Gammerman & Vovk, "Ridge regression learning algorithm in dual variables", ICML 1998) has one
output a pair (class, turn), 1 for the pair that a page is and 0 for all others. Its Gaussian kernel sees pages by
`kernel.descriptors`. Each page stands for all its eight turns, so a page that is turned gets the same answer with the
turns in another order, exactly.

Legend of shapes: N known pages, U unknown ones, G = 8 turns, C classes, F numbers of a page.
"""

import numpy as np
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS, inverse_turn
from docsort.kernel.descriptors import turned
from docsort.kernel.symmetry import COMPOSED, INVERSE, in_all_turns, solve

RIDGE = 0.03
"""Added to the kernel's diagonal, which is 1."""

WIDTH = 1.0
"""The kernel falls to 1/e where the squared distance is this many times the median of the pages' own."""

TURN_SHARPNESS = 10.0
"""Scores times this are log-odds, where the turn of a page is predicted whose class is known."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.float32]
Integers = NDArray[np.int64]


def distances(some: Numbers, others: Numbers) -> Numbers:
    """(G, U, N) squared distances of pages (U, F) to pages (N, F) in each turn."""
    own, theirs = ((points**2).sum(axis=1) for points in (some, others))
    products = np.stack([some @ turned(others, turn).T for turn in TURNS])
    return np.asarray(np.maximum(own[:, None] + theirs - 2 * products, 0), dtype=np.float32)


def distances_to_known(some: Numbers, known: Numbers, lengths: Numbers) -> Numbers:
    """The same of a few pages (U, F) to the many that are known (N, F): the few are turned back instead, and multiplied
    in one go. lengths (N,): squared, of the known ones.
    """
    turned_back = np.concatenate([turned(some, inverse_turn(turn)) for turn in TURNS])
    products = (turned_back @ known.T).reshape(len(TURNS), len(some), len(known))
    own = (some**2).sum(axis=1)
    return np.asarray(np.maximum(own[:, None] + lengths - 2 * products, 0), dtype=np.float32)


def kernel_width(known: Numbers) -> float:
    """For the distances (G, N, N) of pages to each other."""
    return WIDTH * float(np.median(known))


def kernel(apart: Numbers, width: float, turns: Integers, other_turns: Integers) -> Floats:
    """(G, U, N): how alike pages are to others in each turn, in (0, 1], all of them first laid upright.

    apart: their `distances` as they lie; turns (U,), other_turns (N,): the turns they lie in.
    """
    moved = COMPOSED[turns[None, :, None], COMPOSED[np.array(TURNS)[:, None, None], INVERSE[other_turns][None, None]]]
    rows, columns = np.arange(len(turns))[None, :, None], np.arange(len(other_turns))[None, None]
    return np.asarray(np.exp(-apart[moved, rows, columns].astype(np.float64) / width))


def fit(alike: Floats, labels: Integers, classes: int) -> Floats:
    """(G, N, C): the weight of each known page and turn for each class in turn 0. alike: `kernel` of known pages."""
    return solve(alike, np.eye(classes)[labels], RIDGE)


def score(alike: Floats, weights: Floats) -> Floats:
    """(U, G, C): about 1 for the pair (turn, class) that a page is, about 0 for the others. alike: (G, U, N)."""
    return in_all_turns(np.ascontiguousarray(alike.transpose(1, 0, 2)), weights)


def to_probabilities(scores: Floats, sharpness: float, seen: NDArray[np.bool_]) -> Floats:
    """(U, G, C) that sum to one over turns and classes; 0 for classes that were not `seen` (C,)."""
    odds = np.where(seen, sharpness * scores, -np.inf)
    powers = np.exp(odds - odds.max(axis=(1, 2), keepdims=True))
    return np.asarray(powers / powers.sum(axis=(1, 2), keepdims=True))


def turns_of(scores: Floats, labels: Integers) -> tuple[Integers, Floats]:
    """For pages of known class (U,): the likeliest turn, and its probability."""
    odds = TURN_SHARPNESS * scores[np.arange(len(labels)), :, labels]
    powers = np.exp(odds - odds.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    return shares.argmax(axis=1), shares.max(axis=1)
