"""Bending pages on the device while a model trains: the online augmentation of a stage of the curriculum.

B batch, S side of the square, K knots of a coarse field, G cells of a distorted grid. One smooth map is drawn for each
page, and pixels are looked up once: a turn, elastic waves and a distorted grid cost together as much as one of them.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from docsort.seeding import derive_rng
from docsort.training.parameters import Stage

KNOTS = 8
"""Knots a side of the elastic field: waves about an eighth of the page long, which bend lines and keep letters."""
CELLS = 5
"""Cells a side of the distorted grid, as in Albumentations' GridDistortion."""


class Warp(NamedTuple):
    """degrees (B,), positive being counter-clockwise; elastic (B, 2, K, K), shifts (x, y) as shares of the side;
    grid (B, 2, G), widths of the columns and heights of the rows as shares of the side, summing to one.
    """

    degrees: Tensor
    elastic: Tensor
    grid: Tensor


def draw_warp(stage: Stage, count: int, seed: int, name: str, epoch: int, batch: int) -> Warp | None:
    """The maps of one batch of `count` pages, or None where the stage bends nothing."""
    if not stage.bends:
        return None
    rng = derive_rng(seed, "training warp", name, epoch, batch)
    degrees = stage.degrees * rng.uniform(-1, 1, count)
    elastic = stage.elastic * rng.standard_normal((count, 2, KNOTS, KNOTS))
    grid = 1 + stage.grid * rng.uniform(-1, 1, (count, 2, CELLS))
    grid /= grid.sum(axis=2, keepdims=True)
    return Warp(*(torch.from_numpy(values).to(torch.float32) for values in (degrees, elastic, grid)))


def apply_warp(pages: Tensor, warp: Warp, fill: Tensor) -> Tensor:
    """Bends float pages (B, 3, S, S), whose memory layout is kept; what was outside is `fill`, (3,) or of that shape.

    Elastic waves: Simard, Steinkraus & Platt, "Best practices for convolutional neural networks" (ICDAR 2003), with a
    coarse field blown up in place of a smoothed fine one.
    """
    size = pages.shape[-1]
    ends = torch.linspace(0, 1, size, device=pages.device)
    across, down = (_through_grid(ends, warp.grid[:, axis]) for axis in (0, 1))  # (B, S) each, in [0, 1]
    waves = functional.interpolate(warp.elastic, size=(size, size), mode="bicubic", align_corners=True)
    x = 2 * (across[:, None, :] + waves[:, 0]) - 1  # (B, S, S), in [-1, 1] on the page
    y = 2 * (down[:, :, None] + waves[:, 1]) - 1
    angle = torch.deg2rad(warp.degrees)[:, None, None]
    turned = torch.stack([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=-1)
    level = fill.view(1, 3, 1, 1)
    bent = functional.grid_sample(pages - level, turned, padding_mode="zeros", align_corners=True) + level
    kept = torch.channels_last if pages.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return bent.contiguous(memory_format=kept)


def _through_grid(places: Tensor, shares: Tensor) -> Tensor:
    """Where each of the S `places` in [0, 1] of an even grid comes to lie when its cells have the shares (B, G)."""
    cells = shares.shape[1]
    edges = functional.pad(shares.cumsum(dim=1), (1, 0))  # (B, G + 1), from 0 to 1
    cell = (places * cells).long().clamp(max=cells - 1)
    within = places * cells - cell
    return edges[:, cell] + within * shares[:, cell]
