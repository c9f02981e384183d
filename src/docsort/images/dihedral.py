"""The eight ways to lay a page down: the dihedral group of the square, exact because no pixel is interpolated.

A turn is a number k from 0 to 7: mirror left to right if k >= 4, then k % 4 quarter-turns counter-clockwise.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

TURNS = range(8)

Scalar = TypeVar("Scalar", bound=np.generic)


def apply_turn(image: NDArray[Scalar], turn: int) -> NDArray[Scalar]:
    """Turns (H, W, ...); the result is (W, H, ...) for odd turns. A view where possible, not contiguous."""
    mirrored = image[:, ::-1] if turn >= 4 else image
    return np.rot90(mirrored, turn % 4)


def undo_turn(image: NDArray[Scalar], turn: int) -> NDArray[Scalar]:
    """The inverse of `apply_turn` with the same number."""
    return apply_turn(image, inverse_turn(turn))


def inverse_turn(turn: int) -> int:
    """Mirrored turns are their own inverse; plain ones turn back."""
    return turn if turn >= 4 else -turn % 4
