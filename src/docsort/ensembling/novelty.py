"""How novel a page is: how far from everything that the members have learnt, as a share of held-out pages.

Deep nearest neighbours (Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022): the
distance to the k-th nearest learnt page, on the unit sphere of what the last layer reads. A small model's last layer
knows only what its classes differ in, and a photo of a cat falls among them somewhere. So the maps on the way count
too, which know what paper, ink and light look like (as Lee et al., "A simple unified framework for detecting
out-of-distribution samples", NeurIPS 2018, ask them): the mean and spread of their channels, whitened. Each gives how
many times as far a page lies as half of those held out, and the mean of that is the distance.

Learnt and held-out pages are damaged as test pages are, so a turn or a blur is not novel. All of it is fitted at
training time; no test page has a part in it.

Legend of shapes: L learnt pages, H held-out pages, N pages, D features, R directions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.arrays import Arrays
from docsort.chunks import each_alone
from docsort.members.member import Blocks
from docsort.models.embeddings import unit
from docsort.stores import fingerprint

WHITENED = 32
"""Directions of a map's statistics that are looked at, those in which learnt pages vary most."""
FLAT = 1e-4
"""Share of the largest variation below which a direction is rounding."""
NEIGHBOUR = 5
"""A page is as far as its so-manieth nearest learnt page."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Space:
    """Where one block of features puts learnt pages. learnt (L, R): on the unit sphere, or whitened, where middle (D,)
    and axes (D, R) say how; usual: the median distance of the pages held out.
    """

    learnt: Floats
    usual: float
    middle: Floats | None = None
    axes: Floats | None = None

    def place(self, features: NDArray[np.float32]) -> Floats:
        """(N, R) of features (N, D)."""
        wide = features.astype(np.float64)
        return unit(wide) if self.middle is None or self.axes is None else (wide - self.middle) @ self.axes

    def distances(self, features: NDArray[np.float32]) -> Floats:
        """(N,) in medians of those of the pages held out."""
        return neighbour_distances(self.learnt, self.place(features)) / max(self.usual, 1e-12)


@dataclass(frozen=True, eq=False)
class NoveltyIndex:
    """What one fold's member has learnt, block by block, and how far the pages lie that it holds out: held (H,)."""

    spaces: tuple[Space, ...]
    held: Floats

    def distances(self, blocks: Blocks) -> Floats:
        """(N,) from 0, 1 being as far as half of the pages held out. blocks: of `Embedder.embed`."""
        with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
            pages = zip(*map(each_alone, blocks), strict=True)
            measured = [
                np.mean([space.distances(part) for space, part in zip(self.spaces, page, strict=True)], axis=0)
                for page in pages
            ]
        return np.concatenate(measured) if measured else np.zeros(0)

    def to_arrays(self) -> Arrays:
        """By name; in single precision, which is what the features are."""
        arrays: Arrays = {"held": self.held}
        for number, space in enumerate(self.spaces):
            arrays[f"{number}.learnt"] = space.learnt.astype(np.float32)
            arrays[f"{number}.usual"] = np.array([space.usual])
            if space.middle is not None and space.axes is not None:
                arrays[f"{number}.middle"], arrays[f"{number}.axes"] = space.middle, space.axes
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "NoveltyIndex":
        """What `to_arrays` made."""
        spaces: list[Space] = []
        while (learnt := arrays.get(f"{len(spaces)}.learnt")) is not None:
            number = len(spaces)
            usual, middle = float(arrays[f"{number}.usual"][0]), arrays.get(f"{number}.middle")
            spaces.append(Space(learnt.astype(np.float64), usual, middle, arrays.get(f"{number}.axes")))
        return cls(tuple(spaces), arrays["held"])

    def fingerprint(self) -> str:
        """Of everything that decides a distance."""
        return fingerprint(*(array.tobytes() for _, array in sorted(self.to_arrays().items())))


def fit_index(learnt: Blocks, held: Blocks) -> NoveltyIndex:
    """The index of one fold, from blocks of features of pages that were learnt (L, D) and are held out (H, D)."""
    with threadpool_limits(limits=1):
        spaces = tuple(
            _fit_space(known, unknown, number == len(learnt) - 1)
            for number, (known, unknown) in enumerate(zip(learnt, held, strict=True))
        )
    index = NoveltyIndex(spaces, np.zeros(0))
    # As it is read back, so that a page measured now and one measured later meet the same index.
    index = NoveltyIndex.from_arrays(index.to_arrays())
    return NoveltyIndex(index.spaces, np.sort(index.distances(held)))


def rate_novelty(indices: Sequence[NoveltyIndex], distances: Sequence[Floats]) -> Floats:
    """(N,) in [0, 1]: share of held-out pages that lie nearer, the mean over the folds, given each fold's distances.

    The pages held out by all folds are put together, because each is measured by what is usual for its fold, and a fold
    alone is too small to tell one page in two hundred from none.
    """
    held = np.sort(np.concatenate([index.held for index in indices]))
    nearer = [np.searchsorted(held, each, side="left") / max(len(held), 1) for each in distances]
    total = np.zeros(len(nearer[0]))
    for each in nearer:  # one after the other: the order of a sum must not depend on how many pages there are
        total += each
    return np.asarray(total / len(nearer))


def neighbour_distances(base: Floats, queries: Floats, neighbours: int = NEIGHBOUR) -> Floats:
    """(N,) distance of each query (N, R) to its k-th nearest of the base (L, R), or to the farthest where L < k."""
    nth = min(neighbours, len(base)) - 1
    squares = np.square(queries).sum(axis=1)[:, None] + np.square(base).sum(axis=1) - 2 * queries @ base.T
    return np.asarray(np.sqrt(np.maximum(np.partition(squares, nth, axis=1)[:, nth], 0)))


def _fit_space(learnt: NDArray[np.float32], held: NDArray[np.float32], last: bool) -> Space:
    space = Space(unit(learnt.astype(np.float64)), 1.0) if last else _whitened(learnt)
    usual = float(np.median(neighbour_distances(space.learnt, space.place(held))))
    return Space(space.learnt, usual, space.middle, space.axes)


def _whitened(learnt: NDArray[np.float32]) -> Space:
    """The directions in which the learnt pages (L, D) vary most, each scaled to their variation."""
    middle = learnt.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(learnt - middle, full_matrices=False)
    real = spread[:WHITENED] > FLAT * spread[0]
    scaled = axes[:WHITENED][real].T / spread[:WHITENED][real] * np.sqrt(len(learnt))
    # Laid out in memory as it is read back, for BLAS adds up in another order where it is not.
    return Space((learnt - middle) @ scaled, 1.0, middle, np.ascontiguousarray(scaled))
