import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from docsort.cleaning.alignment import (
    CROPS,
    Page,
    align_pages,
    coarse_agreement,
    cut_crops,
    detail,
    detailed_agreement,
    thumbnail,
)
from docsort.images.dihedral import TURNS, apply_turn

Pixels = NDArray[np.uint8]


def draw(seed: int, height: int = 420, width: int = 310) -> Pixels:
    """Grey paper with words in lines and a few boxes."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width), 235, dtype=np.uint8)
    for top in range(20, height - 20, 14):
        left = 15
        while left < width - 60:
            right = left + int(rng.integers(8, 60))
            if rng.random() < 0.6:
                cv2.rectangle(page, (left, top), (right, top + 6), int(rng.integers(10, 110)), -1)
            left = right + 6
    cv2.circle(page, tuple(rng.integers(60, 250, 2).tolist()), int(rng.integers(15, 40)), 90, -1)
    return page


def compare(left: Pixels, right: Pixels, turn: int = 0) -> float:
    """Steps 2 to 4 from where step 1 ended."""
    one, other = thumbnail(left), thumbnail(right)
    _, crop, is_right = coarse_agreement(cut_crops(one)[None], cut_crops(other)[None], np.array([turn]))
    alignment = align_pages(Page.turned(one, 0), Page.turned(other, turn), int(crop[0]), bool(is_right[0]), turn)
    if alignment is None:
        return 0.0
    return detailed_agreement(detail(left), detail(np.ascontiguousarray(apply_turn(right, turn))), alignment)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 1), (1, 0)])
def test_a_cropped_copy_agrees_in_every_turn_whichever_page_is_cropped(turn: int, top: int, left: int) -> None:
    page = draw(1)
    cropped = page[21 * top : 420 - 21 * (1 - top), 15 * left : 310 - 15 * (1 - left)]
    turned = np.ascontiguousarray(apply_turn(cropped, turn))
    back = turn if turn >= 4 else -turn % 4
    assert compare(page, turned, back) > 0.9
    assert compare(turned, page, turn) > 0.9


@pytest.mark.parametrize(
    "change",
    [
        lambda page: cv2.GaussianBlur(page, (0, 0), 1.2),
        lambda page: np.clip(page * 0.7 + 30, 0, 255).astype(np.uint8),
        lambda page: cv2.resize(page, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        lambda page: np.clip(page + np.random.default_rng(0).normal(0, 10, page.shape), 0, 255).astype(np.uint8),
        lambda page: (page * np.linspace(0.5, 1, page.shape[1])).astype(np.uint8),
    ],
    ids=["blurred", "faded", "shrunk", "noisy", "lit from one side"],
)
def test_copies_agree_however_they_were_treated(change: object) -> None:
    for seed in range(4):
        assert compare(draw(seed), change(draw(seed))) > 0.9  # type: ignore[operator]


def test_different_pages_do_not_agree() -> None:
    values = [compare(draw(i), draw(j)) for i in range(6) for j in range(i)]
    assert max(values) < 0.6


def test_a_form_that_matches_does_not_outweigh_entries_that_do_not() -> None:
    page = draw(1)
    changed = page.copy()
    for top in (90, 160, 230, 300):
        changed[top : top + 20, 40:250] = draw(2)[top : top + 20, 40:250]
    assert compare(page, changed) < 0.75
    assert compare(page, page) > 0.99


def test_the_coarse_step_names_the_crop() -> None:
    page = draw(3, 400, 400)
    for number, (left, top, right, bottom) in enumerate(CROPS):
        part = page[round(400 * top) : round(400 * bottom), round(400 * left) : round(400 * right)]
        crops = cut_crops(thumbnail(page)), cut_crops(thumbnail(part))
        value, crop, is_right = coarse_agreement(crops[1][None], crops[0][None], np.array([0]))
        assert (int(crop[0]), bool(is_right[0])) == (number, True)
        assert value[0] > 0.9


def test_blank_pages_agree_with_nothing() -> None:
    blank = np.full((420, 310), 255, dtype=np.uint8)
    assert compare(blank, blank) == 0
    assert compare(blank, draw(0)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (97, 3)])
def test_odd_sizes_do_no_harm(shape: tuple[int, int]) -> None:
    assert abs(compare(np.full(shape, 7, dtype=np.uint8), draw(0))) <= 1
