"""The eight dihedral turns on tensors, numbered as in `images.dihedral`; exact, no pixel is interpolated."""

import torch
from torch import Tensor

TURN_COUNT = 8


def apply_turn(pages: Tensor, turn: int) -> Tensor:
    """Turns a batch (B, C, H, W): mirrored if turn >= 4, then turn % 4 quarter-turns counter-clockwise."""
    mirrored = pages.flip(-1) if turn >= 4 else pages
    return torch.rot90(mirrored, turn % 4, dims=(-2, -1)) if turn % 4 else mirrored


def apply_turns(pages: Tensor, turns: Tensor) -> Tensor:
    """Turns each page of a batch of squares (B, C, S, S) by its own number, `turns` (B,) on the CPU.

    Pages of one turn are turned together and then put back in order: eight operations whatever the size of the batch.
    """
    order = torch.argsort(turns, stable=True)
    counts = torch.bincount(turns, minlength=TURN_COUNT).tolist()
    groups = pages[order.to(pages.device)].split(counts)
    turned = torch.cat([apply_turn(group, turn) for turn, group in enumerate(groups)])
    return turned[torch.argsort(order).to(pages.device)]
