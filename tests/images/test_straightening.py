"""Pages turned on purpose, laid straight again."""

import cv2
import numpy as np
import pytest

from docsort.images.skew import line_direction
from docsort.images.straightening import cut_to_edges, edge_span, rotate_whole, straighten


def page(height: int = 300, width: int = 220) -> np.ndarray:
    """Lines of words on white, a frame around them."""
    image = np.full((height, width, 3), 255, dtype=np.uint8)
    cv2.rectangle(image, (15, 15), (width - 16, height - 16), (60, 60, 60), 2)
    rng = np.random.default_rng(0)
    for top in range(40, height - 40, 16):
        left = 30
        while left < width - 50:
            word = int(rng.integers(8, 30))
            image[top : top + 6, left : left + word] = 30
            left += word + 6
    return image


def off_by(image: np.ndarray) -> float:
    """Degrees between the lines and the nearest of rows and columns."""
    direction = line_direction(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return abs((direction + 45) % 90 - 45)


@pytest.mark.parametrize("degrees", [-170, -77, -31, -8, 0, 5, 23, 44, 60, 90, 135])
def test_a_turned_page_lies_straight_again(degrees: float) -> None:
    laid = straighten(rotate_whole(page(), degrees))
    assert off_by(laid) <= 1.5
    assert sorted(laid.shape[:2]) == pytest.approx([204, 284], abs=18)  # the frame and the margin, no white around it


def test_turning_keeps_the_whole_page() -> None:
    ink = int((255 - page()).sum())
    assert int((255 - rotate_whole(page(), 37)).sum()) == pytest.approx(ink, rel=0.02)
    assert np.array_equal(rotate_whole(page(), 0.1), page())


def test_a_straight_page_is_only_cut_and_twice_is_as_good_as_once() -> None:
    once = straighten(page())
    assert once.shape[0] < 300
    assert once.shape[1] < 220
    assert np.abs(np.array(straighten(once).shape) - once.shape).max() <= 4


def test_a_blank_page_comes_back_as_it_is() -> None:
    blank = np.full((50, 40, 3), 255, dtype=np.uint8)
    assert np.array_equal(straighten(blank), blank)


def test_what_is_cut_off_has_no_edges() -> None:
    wide = np.full((400, 600, 3), 255, dtype=np.uint8)
    wide[60:360, 200:420] = page()
    rows, columns = edge_span(cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY))
    assert rows.start <= 75 <= rows.stop
    assert columns.start <= 215
    assert columns.stop >= 404
    assert cut_to_edges(wide).shape[1] < 260
