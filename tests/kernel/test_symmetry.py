import numpy as np
import pytest

from docsort.images.dihedral import TURNS, apply_turn
from docsort.kernel.descriptors import NUMBERS, turned
from docsort.kernel.symmetry import COMPOSED, INVERSE, in_all_turns, solve


def gaussian(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    squared = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.exp(-squared / NUMBERS / 2)


@pytest.fixture
def known() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, NUMBERS)).astype(np.float32)


def test_composed_turns_do_to_a_picture_what_one_after_the_other_does() -> None:
    picture = np.arange(36, dtype=np.uint8).reshape(6, 6)
    for first in TURNS:
        assert COMPOSED[INVERSE[first], first] == 0
        for then in TURNS:
            both = apply_turn(apply_turn(picture, first), then)
            np.testing.assert_array_equal(apply_turn(picture, int(COMPOSED[then, first])), both)


def test_the_small_blocks_solve_the_whole_system(known: np.ndarray) -> None:
    everything = np.concatenate([turned(known, turn) for turn in TURNS]).astype(np.float64)
    whole = gaussian(everything, everything)
    right = np.random.default_rng(1).normal(size=(4, 3))
    expected = np.linalg.solve(whole + 0.1 * np.eye(32), np.concatenate([right, np.zeros((28, 3))]))
    alike = np.stack([whole[:4, 4 * turn : 4 * turn + 4] for turn in TURNS])
    np.testing.assert_allclose(solve(alike, right, 0.1).reshape(32, 3), expected, atol=1e-10)


def test_the_answer_in_a_turn_is_that_for_the_page_turned_back(known: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    unknown, weights = rng.normal(size=(2, NUMBERS)).astype(np.float32), rng.normal(size=(8, 4, 3))
    copies = [turned(known, turn).astype(np.float64) for turn in TURNS]
    answers = in_all_turns(np.stack([gaussian(unknown.astype(float), copy) for copy in copies], axis=1), weights)
    for turn in TURNS:
        back = turned(unknown, int(INVERSE[turn])).astype(np.float64)
        expected = gaussian(back, np.concatenate(copies)) @ weights.reshape(-1, 3)
        np.testing.assert_allclose(answers[:, turn], expected, atol=1e-10)
