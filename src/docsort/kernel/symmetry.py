"""Least squares on pages that are each known in all eight turns, without ever writing the eight times larger system.

A matrix whose entry for page i in turn g and page j in turn h depends on g⁻¹h alone falls apart into small blocks, one
a representation of the dihedral group: four of one dimension and one of two (Serre, "Linear representations of finite
groups", §6; Reisert & Burkhardt, "Learning equivariant functions with matrix valued kernels", JMLR 2007). It is the
Fourier transform that makes a circulant matrix diagonal, for a group that does not commute.

Legend of shapes: N pages, G = 8 turns, C columns.
"""

import numpy as np
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS, inverse_turn

Floats = NDArray[np.float64]

_QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
_MIRROR = np.diag([-1.0, 1.0])
PLANE = np.stack([np.linalg.matrix_power(_QUARTER, turn % 4) @ (_MIRROR if turn >= 4 else np.eye(2)) for turn in TURNS])
PLANE.setflags(write=False)
"""(G, 2, 2): what each turn does to a point of the plane, the representation of two dimensions."""

_MIRRORED, _QUARTERED = (
    np.array([-1.0 if odd(turn) else 1.0 for turn in TURNS])[:, None, None]
    for odd in (lambda turn: turn >= 4, lambda turn: turn % 2 == 1)
)
_REPRESENTATIONS = (np.ones((len(TURNS), 1, 1)), _MIRRORED, _QUARTERED, _MIRRORED * _QUARTERED, PLANE)


def composed(first: int, then: int) -> int:
    """The turn that does `then` after `first`."""
    both = PLANE[then] @ PLANE[first]
    return int(np.abs(PLANE - both).sum(axis=(1, 2)).argmin())


COMPOSED = np.array([[composed(first, then) for first in TURNS] for then in TURNS])
COMPOSED.setflags(write=False)
"""[then, first]: the turn that does both."""

INVERSE = np.array([inverse_turn(turn) for turn in TURNS])
INVERSE.setflags(write=False)


def solve(alike: Floats, right: Floats, ridge: float) -> Floats:
    """(G, N, C): the x of (A + ridge · 1) x = b, where A's entry for page i in turn g and page j in turn h is
    alike[g⁻¹h, i, j], and b is `right` (N, C) for pages in turn 0, else zero.

    alike: (G, N, N), such that A is symmetric and has no negative eigenvalue; ridge is above zero.
    """
    pages, columns = right.shape
    answer = np.zeros((len(TURNS), pages, columns))
    for representation in _REPRESENTATIONS:
        size = representation.shape[1]
        block = np.einsum("gab,gij->aibj", representation, alike, optimize=True).reshape(size * pages, size * pages)
        block[np.diag_indices_from(block)] += ridge
        known = np.einsum("ab,ic->aibc", np.eye(size), right).reshape(size * pages, size * columns)
        found = np.linalg.solve(block, known).reshape(size, pages, size, columns)
        answer += size / len(TURNS) * np.einsum("gba,aibc->gic", representation, found, optimize=True)
    return answer


def in_all_turns(alike: Floats, weights: Floats) -> Floats:
    """(U, G, C): sums over pages i and turns g of alike[u, t g, i] · weights[g, i], for each turn t.

    alike: (U, G, N), unknown pages against known ones in turn s; weights: (G, N, C).
    """
    rows = len(alike)
    sums = [alike[:, COMPOSED[turn]].reshape(rows, -1) @ weights.reshape(-1, weights.shape[2]) for turn in TURNS]
    return np.stack(sums, axis=1)
