import numpy as np
from drawn_pages import draw

from docsort.images.dihedral import TURNS, inverse_turn
from docsort.kernel.descriptors import describe, turned
from docsort.kernel.regression import distances, fit, kernel, kernel_width, score, to_probabilities, turns_of


def known() -> tuple[np.ndarray, np.ndarray]:
    rows = [(kind, seed) for kind in range(3) for seed in range(4)]
    return np.stack([describe(draw(*row)) for row in rows]), np.array([kind for kind, _ in rows])


def test_a_new_page_in_any_turn_is_told_with_its_turn() -> None:
    numbers, labels = known()
    upright = np.zeros(len(labels), dtype=np.int64)
    apart = distances(numbers, numbers)
    width = kernel_width(apart)
    weights = fit(kernel(apart, width, upright, upright), labels, 3)
    for turn in TURNS:
        pages = np.stack([turned(describe(draw(kind, 9)), turn) for kind in range(3)])
        scores = score(kernel(distances(pages, numbers), width, upright[:3], upright), weights)
        best = scores.reshape(3, -1).argmax(axis=1)
        assert (best // 3).tolist() == [turn] * 3
        assert (best % 3).tolist() == [0, 1, 2]
        assert turns_of(scores, np.arange(3))[0].tolist() == [turn] * 3


def test_pages_laid_upright_first_are_alike_whatever_turns_they_lie_in() -> None:
    numbers, _ = known()
    lying = np.arange(len(numbers)) % 8
    moved = np.stack([turned(page, turn) for page, turn in zip(numbers, lying, strict=True)])
    upright = np.zeros(len(numbers), dtype=np.int64)
    expected = kernel(distances(numbers, numbers), 500.0, upright, upright)
    np.testing.assert_allclose(kernel(distances(moved, moved), 500.0, lying, lying), expected, atol=1e-5)


def test_distances_are_those_to_pages_in_each_turn() -> None:
    numbers, _ = known()
    apart = distances(numbers[:2], numbers)
    for turn in TURNS:
        expected = ((numbers[:2, None] - turned(numbers, turn)) ** 2).sum(axis=2)
        np.testing.assert_allclose(apart[turn], expected, rtol=1e-3, atol=0.05)
        assert inverse_turn(turn) in TURNS


def test_a_class_that_was_not_seen_is_impossible_and_the_rest_sums_to_one() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 8, 3))
    probabilities = to_probabilities(scores, 30.0, np.array([True, False, True]))
    assert (probabilities[:, :, 1] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=(1, 2)), 1)
