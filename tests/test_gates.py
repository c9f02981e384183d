"""What is chosen on some folds answers the others, and joins only where the whole interval lies above zero."""

import numpy as np
import pytest

from docsort.errors import InputError
from docsort.gates import Gain, Rows, cross_fit, loss_gain, macro_f1_gain
from docsort.metrics import macro_f1, mean_bootstrap, paired_bootstrap


@pytest.fixture
def folds() -> np.ndarray:
    """Neither in order nor equally large."""
    return np.array([7, 2, 2, 4, 7, 4, 2, 7, 4, 4])


def test_what_answers_a_page_has_seen_no_page_of_its_fold(folds: np.ndarray) -> None:
    """Something that learns labels by heart is right on what it has seen, and nowhere else."""
    labels = np.arange(100, 110)

    def learn(rows: Rows) -> dict[int, int]:
        return {int(page): int(labels[page]) for page in np.flatnonzero(rows)}

    def answer(learnt: dict[int, int], rows: Rows) -> np.ndarray:
        return np.array([learnt.get(int(page), -1) for page in np.flatnonzero(rows)])

    found = cross_fit(folds, learn, answer)
    assert (answer(found.fitted, np.full(10, True)) == labels).all()
    assert (found.nested == -1).all()
    for fold, learnt in found.by_fold.items():
        assert set(learnt) == set(np.flatnonzero(folds != fold))


def test_values_are_those_of_the_plain_loop_in_the_order_of_the_pages(folds: np.ndarray) -> None:
    values = np.random.default_rng(0).normal(size=(10, 3))
    found = cross_fit(folds, lambda rows: values[rows].mean(axis=0), lambda mean, rows: values[rows] - mean)
    assert list(found.by_fold) == [2, 4, 7]
    for page, fold in enumerate(folds):
        expected = values[page] - values[folds != fold].mean(axis=0)
        assert found.nested[page] == pytest.approx(expected)
        assert found.nested[page] != pytest.approx(values[page] - found.fitted)
    assert found.fitted == pytest.approx(values.mean(axis=0))


@pytest.mark.parametrize("folds", [[], [3, 3, 3]])
def test_pages_of_one_fold_have_nobody_to_choose_for_them(folds: list[int]) -> None:
    with pytest.raises(
        InputError, match=f"at least two folds, .* but got {len(set(folds))}; run the training of every"
    ):
        cross_fit(folds, lambda rows: 0, lambda choice, rows: np.zeros(rows.sum()))


@pytest.mark.parametrize(
    ("delta", "low", "high", "words"),
    [
        (0.02, 0.01, 0.03, "accepted: the 95 % interval of its gain, +0.0100 to +0.0300, lies above zero"),
        (0.02, -0.01, 0.05, "rejected: the 95 % interval of its gain, -0.0100 to +0.0500, holds zero"),
        (0.02, 0.0, 0.05, "rejected: the 95 % interval of its gain, +0.0000 to +0.0500, holds zero"),
        (-0.02, -0.05, -0.01, "rejected: the 95 % interval of its gain, -0.0500 to -0.0100, lies below zero"),
    ],
)
def test_a_gain_is_accepted_only_where_its_whole_interval_is_above_zero(
    delta: float, low: float, high: float, words: str
) -> None:
    gain = Gain(delta, low, high, 0.95)
    assert gain.accepted == words.startswith("accepted")
    assert gain.verdict("its gain") == words
    assert "the 98.33 % interval of it" in Gain(delta, low, high, 1 - 0.05 / 3).in_words("it")


def test_the_gain_in_macro_f1_is_that_of_the_later_answers_over_the_earlier() -> None:
    rng = np.random.default_rng(1)
    labels, groups = rng.integers(4, size=300), np.arange(300) // 3
    before, after = (np.where(rng.random(300) < right, labels, 0) for right in (0.6, 0.8))
    gain = macro_f1_gain(labels, before, after, groups, 300, 5, 0.9)
    assert gain.delta == macro_f1(labels, after) - macro_f1(labels, before) > 0
    assert (gain.delta, gain.low, gain.high) == paired_bootstrap(labels, before, after, groups, 300, 5, 0.9)
    assert gain.confidence == 0.9


def test_the_gain_in_loss_is_by_how_much_it_shrinks() -> None:
    rng = np.random.default_rng(2)
    before, groups = rng.gamma(2, size=200), np.arange(200) // 4
    after = before - rng.normal(0.1, 0.3, 200)
    gain, loss = loss_gain(before, after, groups, 500, 3, 0.95), loss_gain(after, before, groups, 500, 3, 0.95)
    assert gain.delta == pytest.approx((before - after).mean())
    assert gain.low < gain.delta < gain.high
    assert (loss.delta, loss.low, loss.high) == pytest.approx((-gain.delta, -gain.high, -gain.low))
    assert (gain.delta, gain.low, gain.high) == mean_bootstrap(before - after, groups, 500, 3, 0.95)


def test_what_knows_nothing_is_accepted_no_more_often_than_the_confidence_allows() -> None:
    """And on its difference alone it would be accepted every other time."""
    rng = np.random.default_rng(3)
    labels, groups, gains = rng.integers(3, size=150), np.arange(150), []
    for seed in range(200):
        before, after = (np.where(rng.random(150) < 0.7, labels, rng.integers(3, size=150)) for _ in range(2))
        gains.append(macro_f1_gain(labels, before, after, groups, 200, seed, 0.95))
    assert np.mean([gain.delta > 0 for gain in gains]) > 0.4
    assert np.mean([gain.accepted for gain in gains]) < 0.06
