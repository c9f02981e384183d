"""The eight dihedral turns on tensors, numbered as in `images.dihedral`; exact, no pixel is interpolated.

B batch, C channels, H and W pixels, S side of a square.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROTATIONS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
FLIPS = {4: 1, 6: 0}
"""Turns that OpenCV does in one go, by its own numbers."""


def apply_turn(pages: Tensor, turn: int) -> Tensor:
    """Turns a batch (B, C, H, W): mirrored if turn >= 4, then turn % 4 quarter-turns counter-clockwise."""
    mirrored = pages.flip(-1) if turn >= 4 else pages
    return torch.rot90(mirrored, turn % 4, dims=(-2, -1)) if turn % 4 else mirrored


def apply_turns(pages: Tensor, turns: Tensor) -> Tensor:
    """Turns each page of a batch of squares (B, C, S, S), channels last in memory, by its own number of `turns` (B,).

    One page after the other on a CPU, by OpenCV, which is four times as fast as torch. On other devices, where that
    would be a kernel a page, and reading the numbers would wait for the device, by one look-up.
    """
    if pages.device.type != "cpu":
        return look_up_turns(pages, turns)
    before = pages.permute(0, 2, 3, 1).contiguous().numpy()
    after = np.empty_like(before)
    for page, into, turn in zip(before, after, turns.tolist(), strict=True):
        _turn_into(page, into, turn)
    return torch.from_numpy(after).permute(0, 3, 1, 2)


def _turn_into(page: NDArray[Any], into: NDArray[Any], turn: int) -> None:
    """Writes a square (S, S, C) turned into another; a quarter-turn of a mirrored page swaps rows and columns."""
    if turn in ROTATIONS:
        cv2.rotate(page, ROTATIONS[turn], into)
    elif turn in FLIPS:
        cv2.flip(page, FLIPS[turn], into)
    elif turn == 0:
        np.copyto(into, page)
    else:
        cv2.transpose(page, into)
        if turn == 7:
            cv2.rotate(into.copy(), cv2.ROTATE_180, into)


def look_up_turns(pages: Tensor, turns: Tensor) -> Tensor:
    """What `apply_turns` gives, by fetching every pixel from the place where it was; in three kernels."""
    batch, channels, size, _ = pages.shape
    pixels = pages.permute(0, 2, 3, 1).reshape(batch, size * size, channels)
    page = torch.arange(batch, device=pages.device)[:, None]
    turned = pixels[page, _places(size, pages.device)[turns]]  # (B, S * S, C)
    return turned.view(batch, size, size, channels).permute(0, 3, 1, 2)


@lru_cache(maxsize=4)
def _places(size: int, device: torch.device) -> Tensor:
    """(8, S * S): for each turn, where the pixels of a square were before it."""
    square = torch.arange(size * size).view(1, 1, size, size)
    return torch.stack([apply_turn(square, turn).flatten() for turn in range(8)]).to(device)
