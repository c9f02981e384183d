import numpy as np
import pytest
from drawn_pages import draw

from docsort.images.dihedral import TURNS, apply_turn, inverse_turn
from docsort.kernel.descriptors import NUMBERS, describe, turned


@pytest.mark.parametrize("turn", TURNS)
def test_numbers_put_in_another_order_are_the_numbers_of_the_turned_page(turn: int) -> None:
    for kind in range(3):
        page = draw(kind, 1)
        expected = describe(np.ascontiguousarray(apply_turn(page, turn)))
        np.testing.assert_allclose(turned(describe(page), turn), expected, atol=5e-3)
        if turn:
            assert np.abs(describe(page) - expected).max() > 0.5


def test_turning_back_after_a_turn_changes_nothing() -> None:
    numbers = np.random.default_rng(0).normal(size=(2, NUMBERS)).astype(np.float32)
    for turn in TURNS:
        np.testing.assert_array_equal(turned(turned(numbers, turn), inverse_turn(turn)), numbers)


def test_every_page_has_the_same_count_of_finite_numbers() -> None:
    blank, dot = np.full((2, 48, 48, 3), 255, np.uint8)
    dot[20, 20] = 0
    for page in (blank, dot, draw(0, 0)):
        assert describe(page).shape == (NUMBERS,)
        assert np.isfinite(describe(page)).all()


def test_the_nearest_page_is_one_of_the_same_kind() -> None:
    points = np.stack([describe(draw(kind, seed)) for kind in range(3) for seed in range(4)])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    nearest = (distances + np.diag([np.inf] * 12)).argmin(axis=1)
    assert (nearest // 4 == np.arange(12) // 4).all()
