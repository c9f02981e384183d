"""Features of pages that a frozen network has, in the workers, and cached by the content of the page.

Several stages of the network are read, each by the mean and the standard deviation of its channels ("global average
pooling"), and the last layer's input; all are averaged over the eight dihedral turns, so that a page has the same
features however it is turned (Cohen & Welling, "Group equivariant convolutional networks", ICML 2016).

Legend of shapes: N pages, B of them, S side of a square, D features.
"""

import logging
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docsort.chunks import chunks
from docsort.members.cache import PageCache, page_keys
from docsort.members.pages import RenderPages
from docsort.models.origin import BackboneParameters
from docsort.stores import Store, fingerprint
from docsort.work.executor import Lease, Needs, executor, run

FEATURES_VERSION = 1
"""Raise it when the same page would get other features."""

STORED = np.float16
CHUNK = 64
"""Pages that a worker is given at a time."""

DECIDING = ("backbone", "pretrained", "image_size", "mean", "std")
"""Parameters that features depend on."""

Floats = NDArray[np.float32]
logger = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


def features_name(parameters: BackboneParameters) -> str:
    """What the features depend on beside the page."""
    own = parameters.by_content()
    return f"features-{fingerprint(FEATURES_VERSION, *(own[name] for name in DECIDING))}"


def features_of_renders(paths: Sequence[str], parameters: BackboneParameters, cache: Store | None) -> Floats:
    """(N, D) of renders, in their order. Folds that ask for the same pages wait for each other, so that each page is
    read once. Raises UnreadableImageError, and InputError or WeightsError where the network cannot be had.
    """
    with _one_at_a_time:
        needs = Needs(device=parameters.device)
        width = run(_width, parameters, needs=needs)
        stored, keys = PageCache(cache, features_name(parameters), width, STORED), page_keys(paths)
        known = stored.look_up(keys)
        missing = np.flatnonzero(np.isnan(known[:, 0, 0]))
        found = known.copy()
        if len(missing):
            tasks = [[paths[row] for row in part] for part in chunks(missing.tolist(), CHUNK)]
            found[missing, 0] = np.concatenate(_in_order(tasks, parameters, needs))
            stored.add(keys, known, found)
            logger.info("Features of %d pages by %s", len(missing), parameters.backbone)
    return found[:, 0].astype(np.float32)


def _in_order(tasks: list[list[str]], parameters: BackboneParameters, needs: Needs) -> list[NDArray[np.float16]]:
    work = executor()
    futures = [work.submit(_read_chunk, paths, parameters, needs=needs) for paths in tasks]
    return [future.result() for future in futures]


def _width(parameters: BackboneParameters, lease: Lease) -> int:
    from docsort.probes.reader import first_reader

    return first_reader(parameters, lease.devices[0]).width


def _read_chunk(paths: Sequence[str], parameters: BackboneParameters, lease: Lease) -> NDArray[np.float16]:
    from docsort.probes.reader import first_reader

    squares = RenderPages(paths).squares(range(len(paths)), parameters.side)
    return first_reader(parameters, lease.devices[0]).read(squares)
