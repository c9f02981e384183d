"""Image statistics, all from decoding a file once: the columns `tables.MEASURES`.

Each file is read once and decoded once, by the workers: about 10 ms an image of the job. Statistics are taken on a copy
whose longer side is at most `STANDARD_SIDE` pixels, so that a 12-megapixel photo costs no more than a small one and
sharpness and noise of both can be compared; images of the job are smaller and are measured as they are.
"""

import logging
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.chunks import map_chunks
from docsort.errors import listing
from docsort.images.hashes import hash_turns, hashes_to_text
from docsort.images.reading import COMPUTING_SECONDS, UnreadableImageError, decode, killed_its_worker, read_file
from docsort.images.resizing import shrink_to_side
from docsort.images.skew import line_direction
from docsort.stores import Store, fingerprint, sha256
from docsort.tables import IMAGES, MEASURES, PHOTOS, REJECTED_IMAGES, check_columns, with_origin
from docsort.versions import versions_of
from docsort.work.executor import executor
from docsort.work.survival import computing_limit, map_surviving

STANDARD_SIDE = 768
NEAR_WHITE = 240
BORDER_SHARE = 0.02
NOISE_BLOCK = 8
FLATTEST_SHARE = 0.02
FLATTEST_RATIO = 0.657
"""The 0.02 quantile of the variance of 64 Gaussian values around their fitted plane, as a share of the true variance:
the 0.02 quantile of chi-squared with 61 degrees of freedom, over 61."""
MOSTLY_CLIPPED = 0.75
ENOUGH_TELLING = 0.2
CLIPPED_SHARES = (0.0, 0.05, 0.1, 0.25, 0.5)
CLIPPED_RATIOS = (1.0, 0.915, 0.837, 0.627, 0.341)
"""The variance of a Gaussian, as a share of the true one, when this upper share of it is cut off at one value."""
CHUNK = 32
MEASURES_VERSION = 1
"""Raise it whenever the same file would be measured otherwise."""
LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "pypdfium2")
"""Whose versions may change what is measured."""
SECONDS_BETWEEN_LINES = 5.0

_INTEGERS = ("bytes", "exif_orientation", "width", "height", "pages")
Result = dict[str, Any] | str
"""Of a file: the columns `tables.MEASURES`, or why it is rejected."""
_log = logging.getLogger(__name__)


def measure_images(photos: pd.DataFrame, store: Store | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decodes every photo in the workers; returns (images, rejected_images) in the order of photos.

    store: keeps what was measured. Files that were all measured before are not decoded again, but for those that were
    rejected.
    """
    check_columns(photos, PHOTOS, "photos")
    paths = photos["path"].tolist()
    results = _results(paths) if store is None else _kept_results(paths, store)
    images = _measured(photos, results)
    _warn_of_pages(images)
    return images, _rejected(photos, results)


def measure_image(path: str | Path) -> dict[str, Any]:
    """Reads and decodes one file; returns the columns `tables.MEASURES`.

    width, height in pixels as the page is seen, after EXIF; mode and exif_orientation (1 to 8) as the file says; pages:
    how many the file has, of which the first is measured; doubt: what is not sure about the range of its values;
    brightness: mean grey, 0 to 255; contrast: standard deviation of grey; saturation: mean S of HSV, 0 to 255;
    sharpness: variance of the Laplacian; noise: see `noise_level`; white_border: share of near-white pixels in a frame
    of 2 % of the shorter side; skew: direction of the lines, degrees in (-90, 90], see `images.skew`;
    dihedral_hashes: see `docsort.images.hashes`.
    Raises UnreadableImageError.
    """
    data = read_file(path)
    decoded = decode(data, str(path))
    measures = {
        "bytes": len(data),
        "sha256": sha256(data),
        "mode": decoded.mode,
        "exif_orientation": decoded.orientation,
        "width": decoded.pixels.shape[1],
        "height": decoded.pixels.shape[0],
        "pages": decoded.pages,
        "doubt": decoded.doubt,
        **measure_pixels(decoded.pixels),
    }
    return {column: measures[column] for column in MEASURES}


def measure_pixels(page: NDArray[np.uint8]) -> dict[str, Any]:
    """The statistics of `measure_image` that depend on the pixels (H, W, 3) alone."""
    page = shrink_to_side(page, STANDARD_SIDE)
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    mean, deviation = cv2.meanStdDev(grey)
    _, sharp = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
    return {
        "brightness": float(mean[0, 0]),
        "contrast": float(deviation[0, 0]),
        "saturation": float(cv2.mean(cv2.cvtColor(page, cv2.COLOR_RGB2HSV))[1]),
        "sharpness": float(sharp[0, 0] ** 2),
        "noise": noise_level(grey),
        "white_border": white_border(grey),
        "skew": line_direction(grey),
        "dihedral_hashes": hashes_to_text(hash_turns(grey)),
    }


def noise_level(grey: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise in grey levels, from the flattest parts of the page.

    Estimators that filter out everything but the highest frequencies (Immerkær 1996; Donoho 1994) take the edges of
    text for noise, so that blurring a clean page "denoises" it. Here each 8×8 block is freed of its fitted plane, and
    the variance at the flattest fiftieth of blocks counts, corrected for choosing the flattest: block-based, after
    Shin, Park, Yang & Joo (2005), "Block-based noise estimation using adaptive Gaussian filtering". Flat paper has no
    text to blur, so blur without noise changes little; noise that was itself blurred is under-estimated all the same.
    White paper cuts noise off at 255, which is corrected for; blocks that are mostly 0 or 255 (pages without noise, the
    fill around a turned page) are left out unless hardly any others are left.
    On the photos of real10 with Gaussian noise of 10 added the middle 90 % of estimates lie between 8.7 and 11.1, with
    a blur before it between 8.7 and 10.5; without noise their median is 0.35, blurred or not.
    """
    height, width = (side - side % NOISE_BLOCK for side in grey.shape)
    if height == 0 or width == 0:
        return 0.0
    blocks = grey[:height, :width].reshape(height // NOISE_BLOCK, NOISE_BLOCK, width // NOISE_BLOCK, NOISE_BLOCK)
    values = blocks.swapaxes(1, 2).reshape(-1, NOISE_BLOCK**2)
    clipped = ((values == 0) | (values == 255)).mean(axis=1)
    telling = clipped <= MOSTLY_CLIPPED
    if telling.mean() >= ENOUGH_TELLING:
        values, clipped = values[telling], clipped[telling]
    centred = values.astype(np.float32) - np.float32(128)
    residual = (centred**2).sum(axis=1) - ((centred @ _PLANES) ** 2).sum(axis=1)
    residual /= np.interp(clipped, CLIPPED_SHARES, CLIPPED_RATIOS)
    variance = np.quantile(residual, FLATTEST_SHARE) / (NOISE_BLOCK**2 - _PLANES.shape[1])
    return float(np.sqrt(max(variance, 0.0) / FLATTEST_RATIO))


def white_border(grey: NDArray[np.uint8]) -> float:
    """Share of pixels of at least 240 in a frame of 2 % of the shorter side, at least a pixel wide: 0 to 1."""
    width = max(1, round(BORDER_SHARE * min(grey.shape)))
    inner = np.zeros(grey.shape, dtype=bool)
    inner[width:-width, width:-width] = True
    return float((grey[~inner] >= NEAR_WHITE).mean())


def _plane_basis() -> NDArray[np.float32]:
    """An orthonormal basis (64, 3) of the planes over a block."""
    rows, columns = np.mgrid[:NOISE_BLOCK, :NOISE_BLOCK].reshape(2, -1)
    basis, _ = np.linalg.qr(np.stack([np.ones(NOISE_BLOCK**2), rows, columns], axis=1))
    return basis.astype(np.float32)


_PLANES = _plane_basis()


def _kept_results(paths: list[str], store: Store) -> list[Result]:
    digests = map_chunks(executor().map, _digest, [(path,) for path in paths], CHUNK)
    key = fingerprint("measures", MEASURES_VERSION, sorted(set(digests)), versions_of(LIBRARIES))
    fresh: list[Result] = []

    def measure_all() -> pd.DataFrame:
        fresh.extend(_results(paths))
        return _table_of(fresh)

    known: dict[str, Any] = {row["sha256"]: row for row in store.kept_table(key, measure_all).to_dict("records")}
    if fresh:
        return fresh
    _log.info("Measures of %d images: unchanged, nothing to do", len(known))
    others = iter(_results([path for path, digest in zip(paths, digests, strict=True) if digest not in known]))
    return [known[digest] if digest in known else next(others) for digest in digests]


def _digest(path: str) -> str:
    """In a worker: SHA-256 of the file; "" where it cannot be read."""
    try:
        return sha256(read_file(path))
    except UnreadableImageError:
        return ""


def _results(paths: list[str]) -> list[Result]:
    last_line = time.monotonic()

    def log_progress(done: int) -> None:
        nonlocal last_line
        if time.monotonic() - last_line > SECONDS_BETWEEN_LINES or done == len(paths):
            _log.info("Decoded and measured %d of %d images", done, len(paths))
            last_line = time.monotonic()

    return map_surviving(_measure_or_reject, [(path,) for path in paths], CHUNK, _reject_killer, log_progress)


def _measure_or_reject(path: str) -> Result:
    """In a worker: the measures of a file, or why it was rejected."""
    cv2.setNumThreads(0)
    try:
        with computing_limit(COMPUTING_SECONDS):
            return measure_image(path)
    except UnreadableImageError as error:
        return str(error)


def _reject_killer(path: str) -> str:
    return str(killed_its_worker(path))


def _warn_of_pages(images: pd.DataFrame) -> None:
    longer = images[images["pages"] > 1]
    if len(longer):
        names = [f"{name} ({pages} pages)" for name, pages in longer[["image_id", "pages"]].itertuples(index=False)]
        _log.warning("Only the first page is read of %s; see image_problems", listing(names))


def _table_of(results: list[Result]) -> pd.DataFrame:
    """Columns MEASURES, a row for each image that was not rejected."""
    table = pd.DataFrame([r for r in results if isinstance(r, dict)], columns=list(MEASURES))
    return table.astype(dict.fromkeys(_INTEGERS, "int64"))


def _measured(photos: pd.DataFrame, results: list[Result]) -> pd.DataFrame:
    readable = [isinstance(result, dict) for result in results]
    measures = _table_of(results)
    listed = photos.loc[readable, with_origin(photos, PHOTOS)].reset_index(drop=True)
    return pd.concat([listed, measures], axis=1)[with_origin(photos, IMAGES)]


def _rejected(photos: pd.DataFrame, results: list[Result]) -> pd.DataFrame:
    unreadable = [isinstance(result, str) for result in results]
    rejected = photos.loc[unreadable, list(PHOTOS)].reset_index(drop=True)
    rejected["reason"] = pd.Series([r for r in results if isinstance(r, str)], dtype="object")
    if len(rejected):
        _log.warning("Rejected %d of %d images that cannot be decoded; see rejected_images", len(rejected), len(photos))
    return rejected[list(REJECTED_IMAGES)]
