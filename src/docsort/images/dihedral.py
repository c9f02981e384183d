"""The dihedral group of the square: eight turns and mirrors, exact because no pixel is interpolated.

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


def inverse_turn(turn: int) -> int:
    """The turn that undoes this one: mirrored turns are their own inverse; plain ones turn back."""
    return turn if turn >= 4 else -turn % 4
