"""Image quality: readable images that are blank, tiny, of a strange shape, doubtful, or unlike all others.

From the measures in `images`; nothing is decoded again. Outliers are told by robust statistics, as a mean and a
standard deviation are drawn away by the very outliers they should find: distance from the median in units of 1.4826
times the median absolute deviation (Iglewicz & Hoaglin, "How to Detect and Handle Outliers", 1993), within each split,
because test images may be damaged as a whole.
"""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.tables import IMAGE_PROBLEMS, IMAGES, check_columns

BLANK_CONTRAST = 6.0
"""Less is blank: standard deviation in grey levels."""

TINY_SIDE = 100
"""Pixels; a shorter side below this is tiny."""

LONGEST_SHAPE = 3.0
"""Longer over shorter side; above this a shape is odd."""

OUTLIER_DISTANCE = 6.0
"""From the median of the split, in robust standard deviations."""

COMPARED = {
    "brightness": (False, 5.0),
    "contrast": (False, 3.0),
    "saturation": (True, 0.1),
    "sharpness": (True, 0.1),
    "noise": (True, 0.1),
    "bytes_per_1000_pixels": (True, 0.1),
}
"""Measures that outliers are looked for in: whether by the logarithm of 1 + value, for those that have a long tail, and
the least standard deviation that is believed: photos of one job may be stored all alike, and then next to nothing would
be far out. Size is no such measure, as many photos are stored at one; `tiny` is a kind of its own."""

SPREAD_OF_MAD = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""

FEWEST = 20
"""Images of a split below which there is no telling what is usual."""

Floats = NDArray[np.float64]
_log = logging.getLogger(__name__)


def list_image_problems(images: pd.DataFrame) -> pd.DataFrame:
    """Table IMAGE_PROBLEMS, sorted by split (train first), kind and image; an image may have several problems."""
    check_columns(images, IMAGES, "images")
    sides = np.sort(images[["width", "height"]].to_numpy(dtype=np.int64), axis=1)
    ratio = sides[:, 1] / sides[:, 0]
    contrast = images["contrast"].to_numpy(dtype=float)
    found = [
        ("blank", contrast < BLANK_CONTRAST, [f"contrast {value:.1f} grey levels" for value in contrast]),
        ("tiny", sides[:, 0] < TINY_SIDE, [f"{short} × {long} pixels" for short, long in sides]),
        ("odd_shape", ratio > LONGEST_SHAPE, [f"one side is {value:.1f} times the other" for value in ratio]),
        ("odd_range", (images["doubt"] != "").to_numpy(), images["doubt"].tolist()),
        (
            "more_pages",
            (images["pages"] > 1).to_numpy(),
            [f"only the first of {pages} pages is read" for pages in images["pages"]],
        ),
        ("outlier", *_outliers(images)),
    ]
    rows = [
        (images["image_id"].iloc[row], images["split"].iloc[row], kind, details[row])
        for kind, odd, details in found
        for row in np.flatnonzero(odd)
    ]
    table = pd.DataFrame(rows, columns=list(IMAGE_PROBLEMS))
    if len(table):
        _log.info("%d images with problems of quality; see image_problems", table["image_id"].nunique())
    keys = table["split"].ne("train")
    return table.assign(late=keys).sort_values(["late", "kind", "image_id"], ignore_index=True)[list(IMAGE_PROBLEMS)]


def robust_distances(values: Floats, least_spread: float) -> Floats:
    """Of each value from the median, in robust standard deviations of at least `least_spread`, signed."""
    centred = values - np.median(values)
    spread = SPREAD_OF_MAD * float(np.median(np.abs(centred)))
    return np.asarray(centred / max(spread, least_spread))


def _outliers(images: pd.DataFrame) -> tuple[NDArray[np.bool_], list[str]]:
    """Which images lie too far out in some measure, and how far in their worst one."""
    pixels = images["width"] * images["height"]
    measures = images.assign(bytes_per_1000_pixels=1000 * images["bytes"] / pixels)[list(COMPARED)].astype(float)
    distances = np.zeros(measures.shape)
    for split in images["split"].unique():
        rows = (images["split"] == split).to_numpy()
        if rows.sum() >= FEWEST:
            for column, (name, (is_tailed, least)) in enumerate(COMPARED.items()):
                values = measures.loc[rows, name].to_numpy()
                distances[rows, column] = robust_distances(np.log1p(values) if is_tailed else values, least)
    worst = np.abs(distances).argmax(axis=1)
    places = np.arange(len(images))
    far = distances[places, worst]
    words = [
        f"{name.replace('_', ' ')} {value:.4g} is {abs(distance):.1f} robust standard deviations "
        f"{'above' if distance > 0 else 'below'} the median"
        for name, value, distance in zip(measures.columns[worst], measures.to_numpy()[places, worst], far, strict=True)
    ]
    return np.abs(far) > OUTLIER_DISTANCE, words
