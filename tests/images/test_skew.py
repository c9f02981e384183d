import cv2
import numpy as np
import pytest

from docsort.images.skew import line_direction


def draw_text(seed: int = 0) -> np.ndarray:
    """Words of a drawn font in lines, left-aligned: (300, 220)."""
    rng = np.random.default_rng(seed)
    page = np.full((300, 220), 240, np.uint8)
    for baseline in range(30, 290, 18):
        word = "".join(rng.choice(list("aehilnort "), int(rng.integers(8, 24))))
        cv2.putText(page, word, (12, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 30, 1, cv2.LINE_AA)
    return page


def turn(page: np.ndarray, degrees: float) -> np.ndarray:
    """Counter-clockwise on a larger white canvas."""
    side = int(np.hypot(*page.shape)) + 2
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), degrees, 1)
    matrix[:, 2] += (side - page.shape[1]) / 2, (side - page.shape[0]) / 2
    return cv2.warpAffine(page, matrix, (side, side), borderValue=255)


@pytest.mark.parametrize("degrees", [-80, -45, -33, -10, -3, 0, 5, 20, 44, 60, 77, 90])
def test_a_page_turned_by_so_much_has_that_direction(degrees: float) -> None:
    for seed in range(3):
        found = line_direction(turn(draw_text(seed), degrees))
        assert -90 < found <= 90
        assert abs((found - degrees + 90) % 180 - 90) <= 5


def test_a_page_upside_down_reads_the_same() -> None:
    page = turn(draw_text(), 25)
    assert abs(line_direction(page) - line_direction(page[::-1, ::-1])) <= 1


def test_a_page_on_its_side_stands_across() -> None:
    assert abs(abs(line_direction(np.rot90(draw_text()).copy())) - 90) <= 1


def test_a_blank_page_has_no_direction() -> None:
    assert line_direction(np.full((50, 40), 200, np.uint8)) == 0
