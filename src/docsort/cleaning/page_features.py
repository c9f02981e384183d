"""Page features: gradient histograms, traits and colours, reduced by PCA; without torch and without weights.

Directions of edges by places of the page (histograms of oriented gradients: Dalal & Triggs, CVPR 2005), colours by
places, and the traits of `images.traits`. 25 ms of one core per page. Pages are taken as they lie, after EXIF
orientation: a training photo that lies on its side looks like no other of its class here.

Legend of shapes: N pages, F numbers of a page, K components.
"""

import logging
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.chunks import map_chunks
from docsort.images.histograms import (
    COLOUR_CELLS,
    EDGE_OF_INK,
    HUES,
    SATURATIONS,
    colour_histograms,
    normalised_cells,
    oriented_gradients,
)
from docsort.images.letterbox import letterbox
from docsort.images.measures import LIBRARIES
from docsort.images.reading import read_rgb
from docsort.images.straightening import edge_span
from docsort.images.traits import TRAITS, page_traits
from docsort.stores import Store, fingerprint
from docsort.tables import CLEAN_IMAGES, check_columns
from docsort.versions import versions_of
from docsort.work.executor import executor

DIRECTIONS = 9
"""Of 20° each; an edge from dark to light counts as one from light to dark."""

FINE, COARSE = 24, 8
"""Places a side in the page squeezed into a square and in what is drawn on it: words of a heading are told apart."""

CELL = 16
"""Pixels a side of the finest places."""

LETTERBOX_SIDE = 256
COLOUR_SIDE = 64
"""Pixels per side of the page that colours are taken from."""

COMPONENTS = 300
"""Most principal components that are kept."""

CHUNK = 32

FEATURES_VERSION = 1
"""Raise it whenever the same pages would be described otherwise."""

Floats = NDArray[np.float32]
_log = logging.getLogger(__name__)

_EDGES = DIRECTIONS * (2 * FINE**2 + COARSE**2 + (LETTERBOX_SIDE // CELL) ** 2 + COARSE**2)
_COLOURS = 3 * COLOUR_CELLS**2 + HUES * SATURATIONS
BLOCKS = ((_EDGES, 1.3, False), (len(TRAITS), 0.5, True), (_COLOURS, 0.4, True))
"""For each kind of numbers: how many, its weight, and whether each is brought to the same spread first. Chosen on the
sample and on real photos, see docs/experiments.md."""


def measure_features(clean_images: pd.DataFrame, store: Store | None = None) -> pd.DataFrame:
    """Column image_id, then `f_<k>`, float32: the K principal components of the pages' numbers, the strongest first.

    Decodes every page once, in the workers. Labels are not looked at. store: keeps the features of just these pages.
    Raises UnreadableImageError when a file has changed since it was measured.
    """
    check_columns(clean_images, CLEAN_IMAGES, "clean_images")
    if clean_images.empty:
        return pd.DataFrame({"image_id": clean_images["image_id"]})
    images = clean_images.sort_values("image_id", ignore_index=True)
    if store is None:
        return _measure(images)
    pages = [images[name].astype(str).tolist() for name in ("image_id", "sha256")]
    key = fingerprint("page features", FEATURES_VERSION, pages, versions_of([*LIBRARIES, "scikit-learn"]))
    return store.kept_table(key, lambda: _measure(images))


def _measure(images: pd.DataFrame) -> pd.DataFrame:
    paths = [(path,) for path in images["path"]]
    components = condense(np.stack(map_chunks(executor().map, _describe_file, paths, CHUNK)))
    _log.info("Described %d pages by %d numbers each", *components.shape)
    table = pd.DataFrame(components, columns=[f"f_{k}" for k in range(components.shape[1])])
    table.insert(0, "image_id", images["image_id"])
    return table


def features_of(table: pd.DataFrame, image_ids: pd.Series) -> Floats:
    """The rows (N, K) of a table of `measure_features`, in the order of the ids."""
    columns = [column for column in table.columns if column.startswith("f_")]
    return table.set_index("image_id")[columns].loc[image_ids].to_numpy(dtype=np.float32)


def describe_page(page: NDArray[np.uint8]) -> Floats:
    """(F,) of a page (H, W, 3): edges, traits, colours.

    Edges of the page squeezed into a square, of the part that holds the ink, squeezed likewise, and of the letterboxed
    page.
    """
    grey = np.asarray(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    whole, inked = (_squeezed(part, FINE * CELL) for part in (grey, grey[edge_span(grey, EDGE_OF_INK, 0)]))
    framed = cv2.cvtColor(letterbox(page, LETTERBOX_SIDE), cv2.COLOR_RGB2GRAY)
    edges = [_edges(whole, (FINE,)), _edges(inked, (FINE, COARSE)), _edges(framed, (LETTERBOX_SIDE // CELL, COARSE))]
    return np.concatenate([*edges, page_traits(page), *colour_histograms(page, COLOUR_SIDE)]).astype(np.float32)


def condense(numbers: Floats, components: int = COMPONENTS) -> Floats:
    """Brings the kinds of numbers (N, F) to their weights and keeps the principal components: (N, K)."""
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    parts, start = [], 0
    for size, weight, alike in BLOCKS:
        part = numbers[:, start : start + size] - numbers[:, start : start + size].mean(axis=0)
        spread = part.std(axis=0) * size**0.5 if alike else np.sqrt((part**2).sum(axis=1).mean())
        parts.append(weight * part / np.maximum(spread, 1e-6))
        start += size
    kept = max(1, min(components, len(numbers) - 1))
    with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
        reduced = PCA(kept, svd_solver="randomized", iterated_power=4, random_state=0).fit_transform(np.hstack(parts))
    return np.asarray(reduced, dtype=np.float32)


def _squeezed(grey: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _edges(grey: NDArray[np.uint8], cells: Sequence[int]) -> Floats:
    """Strength of edges by place and direction, each place relative to its surroundings; grey (S, S)."""
    strength, place = oriented_gradients(grey, DIRECTIONS)
    count = max(cells)
    fine = np.empty((count, count, DIRECTIONS), dtype=np.float32)
    for direction in range(DIRECTIONS):
        distance = np.abs(place - np.float32(direction))
        share = np.maximum(0, 1 - np.minimum(distance, DIRECTIONS - distance))
        fine[..., direction] = cv2.resize(strength * share, (count, count), interpolation=cv2.INTER_AREA)
    return np.concatenate([normalised_cells(fine, number).ravel() for number in cells])


def _describe_file(path: str) -> Floats:
    """Decodes and describes a page in a worker."""
    cv2.setNumThreads(0)
    return describe_page(read_rgb(path))
