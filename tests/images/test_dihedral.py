from itertools import product

import numpy as np
import pytest

from docsort.images.dihedral import TURNS, apply_turn, inverse_turn

PAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("turn", TURNS)
def test_undoing_a_turn_gives_the_page_back(turn: int) -> None:
    assert np.array_equal(apply_turn(apply_turn(PAGE, turn), inverse_turn(turn)), PAGE)
    assert np.array_equal(apply_turn(apply_turn(PAGE, inverse_turn(turn)), turn), PAGE)
    assert inverse_turn(inverse_turn(turn)) == turn


def test_the_eight_turns_are_all_different() -> None:
    assert len({apply_turn(PAGE[:5, :5], turn).tobytes() for turn in TURNS}) == 8


def test_two_turns_one_after_the_other_are_one_of_the_eight() -> None:
    square = PAGE[:5, :5]
    all_turns = [apply_turn(square, turn).tobytes() for turn in TURNS]
    for first, second in product(TURNS, TURNS):
        assert apply_turn(apply_turn(square, first), second).tobytes() in all_turns


@pytest.mark.parametrize("turn", TURNS)
def test_odd_turns_swap_height_and_width(turn: int) -> None:
    expected = (7, 5, 3) if turn % 2 else (5, 7, 3)
    assert apply_turn(PAGE, turn).shape == expected


def test_turn_one_is_counter_clockwise_and_turn_four_mirrors_left_to_right() -> None:
    page = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    assert apply_turn(page, 1).tolist() == [[2, 4], [1, 3]]
    assert apply_turn(page, 4).tolist() == [[2, 1], [4, 3]]
    assert apply_turn(page, 5).tolist() == np.rot90(apply_turn(page, 4)).tolist()
