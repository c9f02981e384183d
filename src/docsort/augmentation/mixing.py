"""Mixing and pasting: operations on two pages."""

import cv2
import numpy as np

from docsort.augmentation.context import Context, Image


def mix_pages(page: Image, partner: Image, weight: float) -> Image:
    """The partner, stretched to the page's size, shines through with `weight` in [0, 1]."""
    other = fit_over(partner, page.shape[1], page.shape[0])
    return np.asarray(cv2.addWeighted(page, 1.0 - weight, other, weight, 0.0), dtype=np.uint8)


def paste_piece(page: Image, partner: Image, share: float, rng: np.random.Generator) -> Image:
    """A piece of the partner, `share` of the page's sides long, lies somewhere on the page."""
    height, width = page.shape[:2]
    other = fit_over(partner, width, height)
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    from_y, to_y = (int(y) for y in rng.integers(0, height - tall + 1, 2))
    from_x, to_x = (int(x) for x in rng.integers(0, width - wide + 1, 2))
    result = page.copy()
    result[to_y : to_y + tall, to_x : to_x + wide] = other[from_y : from_y + tall, from_x : from_x + wide]
    return result


def fit_over(page: Image, width: int, height: int) -> Image:
    """The page stretched to exactly this size."""
    if page.shape[:2] == (height, width):
        return page
    method = cv2.INTER_AREA if page.shape[0] * page.shape[1] > width * height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(page, (width, height), interpolation=method), dtype=np.uint8)


def page_mix(page: Image, context: Context, weight: float) -> Image:
    """`mix_pages` as an operation; without a partner nothing happens."""
    return page if context.partner is None else mix_pages(page, context.partner, weight)


def cut_paste(page: Image, context: Context, share: float) -> Image:
    """`paste_piece` as an operation; without a partner nothing happens."""
    return page if context.partner is None else paste_piece(page, context.partner, share, context.rng)
