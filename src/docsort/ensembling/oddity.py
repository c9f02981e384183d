"""How odd a test page is: how far from everything that the models have learnt, as a share of held-out pages.

Deep nearest neighbours (Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022): the
distance to the k-th nearest learnt page, on the unit sphere of what the last layer reads. A small model's last layer
knows only what its classes differ in, and a photo of a cat falls among them somewhere. So the maps on the way are asked
too, which know what paper, ink and light look like (as Lee et al., "A simple unified framework for detecting
out-of-distribution samples", NeurIPS 2018, ask them): the mean and spread of their channels, whitened. Each says how
many times as far a page lies as half of those held out, and the mean of that is the distance.

Learnt and held-out pages are damaged as test pages are, so a turn or a blur is not odd.

Legend of shapes: L learnt pages, H held-out pages, N pages, D features.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.inference.embeddings import Blocks, unit
from docsort.tables import PAGE_DISTANCES, PAGE_ODDITY, check_columns

WHITENED = 32
"""Directions of a map's statistics that are looked at, those in which learnt pages vary most."""
FLAT = 1e-4
"""Share of the largest variation below which a direction is rounding."""
PAGES_AT_ONCE = 1024

Floats = NDArray[np.float64]


def measure_distances(
    pages: pd.DataFrame, known: Blocks, test: pd.DataFrame, asked: Blocks, neighbours: int
) -> pd.DataFrame:
    """Table PAGE_DISTANCES of one fold: the pages held out, then the test images.

    pages: of `pages_to_embed`, at least one of either kind; known: their blocks. test: with image_id; asked: its
    blocks.
    """
    learnt = pages["learnt"].to_numpy(bool)
    own = pages[~learnt].assign(view="test_like")
    foreign = test.assign(render_id=test["image_id"], view="test", fold=int(pages["fold"].iloc[0]))
    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        values = [
            _times_the_usual(block[learnt], block[~learnt], other, neighbours, number == len(known) - 1)
            for number, (block, other) in enumerate(zip(known, asked, strict=True))
        ]
    table = pd.concat([own, foreign], ignore_index=True)
    return table.assign(distance=np.mean(values, axis=0))[list(PAGE_DISTANCES)]


def rate_oddity(distances: pd.DataFrame) -> pd.DataFrame:
    """Table PAGE_ODDITY: for each test image the share of held-out pages that lie nearer, the mean over the folds.

    distances: PAGE_DISTANCES of one fold or more. No distances are no pages. The pages held out by all folds are put
    together, because each is measured by what is usual for its fold, and a fold alone is too small to tell one page in
    two hundred from none.
    """
    check_columns(distances, PAGE_DISTANCES, "page_distances")
    held = np.sort(distances.loc[distances["view"] == "test_like", "distance"].to_numpy(float))
    test = distances[distances["view"] == "test"]
    nearer = np.searchsorted(held, test["distance"].to_numpy(float), side="left") / max(len(held), 1)
    rated = pd.Series(nearer, index=test["image_id"].astype(str)).groupby(level=0, sort=True).mean()
    return pd.DataFrame({"image_id": rated.index.astype(str), "oddity": rated.to_numpy(float)})[list(PAGE_ODDITY)]


def _times_the_usual(
    learnt: NDArray[np.float32], held: NDArray[np.float32], asked: NDArray[np.float32], neighbours: int, last: bool
) -> Floats:
    """(H + N,) distances by one block, in medians of those of the pages held out."""
    prepared = (
        [unit(each.astype(np.float64)) for each in (learnt, held, asked)] if last else whiten(learnt, held, asked)
    )
    base, *queries = prepared
    distances = [neighbour_distances(base, each, neighbours) for each in queries]
    return np.concatenate(distances) / max(float(np.median(distances[0])), 1e-12)


def whiten(learnt: NDArray[np.float32], *others: NDArray[np.float32]) -> list[Floats]:
    """All on the directions in which the learnt pages (L, D) vary most, each scaled to their variation."""
    middle = learnt.mean(axis=0, dtype=np.float64)
    _, spread, axes = np.linalg.svd(learnt - middle, full_matrices=False)
    real = spread[:WHITENED] > FLAT * spread[0]
    scaled = axes[:WHITENED][real].T / spread[:WHITENED][real] * np.sqrt(len(learnt))
    return [(each - middle) @ scaled for each in (learnt, *others)]


def neighbour_distances(base: Floats, queries: Floats, neighbours: int) -> Floats:
    """(N,) distance of each query (N, D) to its k-th nearest of the base (L, D), or to the farthest where L < k."""
    nth, lengths = min(neighbours, len(base)) - 1, np.square(base).sum(axis=1)
    found = [np.zeros(0)]
    for start in range(0, len(queries), PAGES_AT_ONCE):
        part = queries[start : start + PAGES_AT_ONCE]
        squares = np.square(part).sum(axis=1)[:, None] + lengths - 2 * part @ base.T
        found.append(np.sqrt(np.maximum(np.partition(squares, nth, axis=1)[:, nth], 0)))
    return np.concatenate(found)


def no_distances() -> pd.DataFrame:
    """PAGE_DISTANCES where no page is embedded."""
    return pd.DataFrame(columns=list(PAGE_DISTANCES))


def distances_of(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The folds' distances below each other, without those of folds that have none."""
    return pd.concat([each for each in tables if len(each)] or [no_distances()], ignore_index=True)
