"""Pixels of any kind to RGB of eight bits, turned as the page is meant to be seen.

In bands of rows, straight into the array that is handed on: 3 bytes a pixel beside the decoded picture, whatever its
mode.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from docsort.images.dihedral import apply_turn, inverse_turn

BAND = 1 << 19
"""Pixels that are converted at a time."""

TURN_OF_ORIENTATION = {1: 0, 2: 4, 3: 2, 4: 6, 5: 5, 6: 3, 7: 7, 8: 1}
"""The dihedral turn that each EXIF orientation asks for."""

DEPTHS = (8, 10, 12, 14, *range(16, 33))
"""Bits that scanners and cameras give; where a file does not say, the fewest that hold its largest value."""

FLOAT_TOPS = (1.0, 255.0, 65535.0)

TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
WHITE_IS_ZERO = 0


def to_rgb(image: Image.Image, orientation: int = 1) -> tuple[NDArray[np.uint8], str]:
    """(H, W, 3) of a loaded picture, transparent pixels white; and what is doubtful about its values, in words, or "".

    Values of more than eight bits are scaled by their range, so that paper is white, see `value_range`.
    """
    turn = TURN_OF_ORIENTATION[orientation]
    width, height = image.size
    seen = np.empty((width, height, 3) if turn % 2 else (height, width, 3), dtype=np.uint8)
    stored = apply_turn(seen, inverse_turn(turn))  # a view: what is written there lies turned in `seen`
    if not image.mode.startswith(("I", "F")):
        for rows, band in _bands(image):
            stored[rows] = np.asarray(_band_to_rgb(band))
        return seen, ""
    top, doubt = value_range(image)
    is_negative = _tag(image, PHOTOMETRIC) == WHITE_IS_ZERO
    for rows, band in _bands(image):
        values = np.nan_to_num(np.asarray(band, dtype=np.float64), nan=top, posinf=top, neginf=0.0)
        grey = (values / top * 255).clip(0, 255).astype(np.uint8)
        stored[rows] = (255 - grey if is_negative else grey)[..., None]
    return seen, doubt


def value_range(image: Image.Image) -> tuple[float, str]:
    """The value of white in a picture of mode I or F, and what is doubtful about it, in words.

    Integers: what the bits that a TIFF states hold; else the fewest of DEPTHS that hold the largest value, doubtful
    unless these are 16. Floating-point numbers: the lowest of FLOAT_TOPS that the largest reaches not above.
    """
    low, high, odd = np.inf, -np.inf, 0
    for _, band in _bands(image):
        values = np.asarray(band)
        finite = values[np.isfinite(values)]
        odd += values.size - finite.size
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    top, doubts = _float_top(high) if image.mode == "F" else _integer_top(high, _tag(image, BITS_PER_SAMPLE))
    if low < 0:
        doubts.append(f"values go down to {low:.6g}, below zero, which is taken for black")
    if odd:
        doubts.append(f"{odd} values are no numbers, which are taken for paper")
    return top, "; ".join(doubts)


def _integer_top(high: float, stated: object) -> tuple[float, list[str]]:
    if stated == 12 and high <= 4095:
        return 4095.0, []
    bits = next((bits for bits in DEPTHS if high < 2**bits), DEPTHS[-1])
    return 2.0**bits - 1, [] if bits == 16 else [
        f"the largest value is {high:.0f}, so {2**bits - 1} ({bits} bits) is taken for white"
    ]


def _float_top(high: float) -> tuple[float, list[str]]:
    top = next((top for top in FLOAT_TOPS if high <= top), high)
    is_plain = top in FLOAT_TOPS and high * 2 >= top
    return top, [] if is_plain else [f"the largest value is {high:.6g}, and {top:.6g} is taken for white"]


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Rows, and the picture of these rows."""
    width, height = image.size
    count = max(1, BAND // max(1, width))
    if count >= height:
        yield slice(0, height), image
        return
    for start in range(0, height, count):
        yield slice(start, start + count), image.crop((0, start, width, min(start + count, height)))


def _band_to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode in TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _tag(image: Image.Image, tag: int) -> object:
    """The one value of a tag of a TIFF; None where there is none, or several."""
    value = getattr(image, "tag_v2", {}).get(tag)
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value
