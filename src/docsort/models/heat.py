"""Where on a page a checkpoint found a class. Light: the work is done in a worker."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.images.dihedral import TURNS
from docsort.images.reading import COMPUTING_SECONDS, decode_rgb
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import PhotoPages, RenderPages
from docsort.models.descriptions import read_description
from docsort.work.executor import Lease, Needs, run
from docsort.work.survival import computing_limit


def heat_of(
    checkpoint: Checkpoint,
    paths: Sequence[str],
    classes: Sequence[Sequence[int]],
    turns: Sequence[int] = TURNS,
    device: str = "auto",
) -> NDArray[np.float32]:
    """(N, J, S, S) in [0, 1] by Grad-CAM: how much each place of N pages counts for each of J classes, 1 the most.

    paths: renders or photos, seen as squares of the model's side S. classes: J class numbers a page. turns: the answer
    is the mean over dihedral turns, so is the heat. Raises NoMapError for a backbone without a map of places,
    InputError for a class that the model does not know.
    """
    targets = read_description(checkpoint.folder).targets
    strangers = sorted({target for row in classes for target in row} - set(targets))
    if strangers:
        raise InputError(f"Expected classes among {listing(sorted(targets), 20)}, but got {listing(strangers)}.")
    rows = [tuple(row) for row in classes]
    return run(_heat_in_worker, checkpoint.folder, list(paths), rows, tuple(turns), needs=Needs(device))


def _heat_in_worker(
    folder: Path, paths: list[str], classes: list[tuple[int, ...]], turns: tuple[int, ...], lease: Lease
) -> NDArray[np.float32]:
    from docsort.models.grad_cam import page_heat

    return page_heat(folder, RenderPages(paths), classes, turns, lease.devices[0])


def photo_heat(
    checkpoint: Checkpoint, photo: bytes, target: int, jpeg_quality: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The page (S, S, 3) of a photo's file as the checkpoint sees it, and its heat (S, S) for a class; see `heat_of`.

    Raises UnreadableImageError, and WorkerError where the photo ends its worker.
    """
    return run(_photo_heat_in_worker, checkpoint, photo, target, jpeg_quality, needs=Needs("auto"))


def _photo_heat_in_worker(
    checkpoint: Checkpoint, photo: bytes, target: int, jpeg_quality: int, lease: Lease
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    from docsort.models.grad_cam import page_heat

    with computing_limit(COMPUTING_SECONDS):
        pixels = decode_rgb(photo, "page")
    pages = PhotoPages([pixels], checkpoint.page_format.straighten, jpeg_quality)
    heat = page_heat(checkpoint.folder, pages, [(target,)], TURNS, lease.devices[0])
    return pages.squares([0], heat.shape[-1])[0], heat[0, 0]
