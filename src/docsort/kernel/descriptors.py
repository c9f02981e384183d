"""Descriptors of a small straight page, in all eight turns at the price of one, without torch.

Directions of edges by places of the page (histograms of oriented gradients: Dalal & Triggs, CVPR 2005) and colours by
places. The places are squares of a square and the directions eight, so that turning a page only puts its numbers in
another order: no page is described twice. 2 ms of one core a page.

Legend of shapes: N pages, F numbers of a page.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS, apply_turn
from docsort.images.histograms import (
    COLOUR_CELLS,
    EDGE_OF_INK,
    HUES,
    SATURATIONS,
    colour_histograms,
    normalised_cells,
    oriented_gradients,
)
from docsort.images.straightening import edge_span

DIRECTIONS = 8
"""Of 22.5° each, so that a quarter-turn is four; an edge from dark to light counts as one from light to dark."""

FINE, COARSE = 16, 8
"""Places a side of what is drawn on the page, squeezed into a square, and of the page as it is, letterboxed."""

SIDE, FRAMED_SIDE = 128, 96
"""Pixels of the squeezed page, and of the page as it is: multiples of FINE."""

EDGE_WEIGHTS = (1.0, 1.5, 1.5)
COLOUR_WEIGHT = 0.02
"""Of grey levels, against the edges, which are below 1."""

HUE_WEIGHT = 2.0
SHAPE_WEIGHT = 2.0
"""Of the logarithm of height over width. The weights were chosen out of fold, see docs/experiments.md: little depends
on them."""

_GRIDS = ((FINE, DIRECTIONS), (COARSE, DIRECTIONS), (COARSE, DIRECTIONS), (COLOUR_CELLS, 3))
"""Places a side and numbers a place, of what is in order of places; then come numbers of the whole page."""

NUMBERS = sum(places**2 * each for places, each in _GRIDS) + HUES * SATURATIONS + 1

Floats = NDArray[np.float32]


def describe(square: NDArray[np.uint8]) -> Floats:
    """(F,) of a page (S, S, 3), laid straight and letterboxed: edges, colours, shape."""
    grey = np.asarray(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    inked = grey[edge_span(grey, outer=EDGE_OF_INK, margin=0.0)]
    drawn, framed = (_edges(_squeezed(part, side)) for part, side in ((inked, SIDE), (grey, FRAMED_SIDE)))
    pooled = ((drawn, FINE), (drawn, COARSE), (framed, COARSE))
    edges = [weight * normalised_cells(*each).ravel() for weight, each in zip(EDGE_WEIGHTS, pooled, strict=True)]
    shape = SHAPE_WEIGHT * np.log(inked.shape[0] / inked.shape[1])
    lab, hues = colour_histograms(square, 8 * COLOUR_CELLS)
    return np.concatenate([*edges, COLOUR_WEIGHT * lab, HUE_WEIGHT * hues, [shape]]).astype(np.float32)


def turned(numbers: Floats, turn: int) -> Floats:
    """The descriptors of pages (N, F) laid down in another turn."""
    order, signs = _moves()[turn]
    return numbers[..., order] * signs


@cache
def _moves() -> tuple[tuple[NDArray[np.int64], Floats], ...]:
    """For each turn: which number comes to stand at each place, and its sign."""
    return tuple(_move(turn) for turn in TURNS)


def _move(turn: int) -> tuple[NDArray[np.int64], Floats]:
    order, start = [], 0
    for places, each in _GRIDS:
        grid = np.arange(start, start + places**2 * each).reshape(places, places, each)
        start += grid.size
        moved = apply_turn(grid, turn)
        order.append((moved[..., _directions(turn)] if each == DIRECTIONS else moved).ravel())
    signs = np.ones(NUMBERS, dtype=np.float32)
    signs[-1] = -1 if turn % 2 else 1
    return np.concatenate([*order, np.arange(start, NUMBERS)]), signs


def _directions(turn: int) -> NDArray[np.int64]:
    """Which direction is seen as each of the eight after a turn; a mirror negates an angle, a quarter-turn adds 90°."""
    seen = np.arange(DIRECTIONS) + DIRECTIONS // 2 * (turn % 2)
    return (-seen if turn >= 4 else seen) % DIRECTIONS


def _squeezed(grey: NDArray[np.uint8], side: int) -> Floats:
    """A square; in fractions of grey levels, because rounding would not turn with the page."""
    method = cv2.INTER_AREA if min(grey.shape) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey.astype(np.float32), (side, side), interpolation=method), dtype=np.float32)


def _edges(grey: Floats) -> Floats:
    """Strength of edges (FINE, FINE, DIRECTIONS) by place and direction; grey (S, S), S a multiple of FINE."""
    strength, direction = oriented_gradients(grey, DIRECTIONS)
    lower = np.floor(direction)
    share = direction - lower
    first = lower.astype(np.int64) % DIRECTIONS + _places(len(grey))
    second = (lower.astype(np.int64) + 1) % DIRECTIONS + _places(len(grey))
    size = FINE**2 * DIRECTIONS
    sums = np.bincount(first.ravel(), (strength * (1 - share)).ravel(), size)
    sums += np.bincount(second.ravel(), (strength * share).ravel(), size)
    return np.asarray(sums.reshape(FINE, FINE, DIRECTIONS) * (FINE / len(grey)) ** 2, dtype=np.float32)


@cache
def _places(side: int) -> NDArray[np.int64]:
    """Where the directions of each pixel's place begin in the sums of `_edges`: (S, S)."""
    line = np.arange(side) * FINE // side
    return (line[:, None] * FINE + line) * DIRECTIONS
