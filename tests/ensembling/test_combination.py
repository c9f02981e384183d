"""The arithmetic of votes against oracles written the slow way."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from docsort.ensembling.combination import FLOOR, first_guesses, first_of, tally
from docsort.ensembling.stack import stack_members
from docsort.members.views import members_of

Make = Callable[..., pd.DataFrame]
PAGES = np.arange(300.0)


@pytest.fixture
def members(make_predictions: Make) -> pd.DataFrame:
    return members_of(pd.concat([make_predictions(model, fold) for model in ("a", "b") for fold in range(3)]))


def test_weights_are_those_of_a_mean(members: pd.DataFrame) -> None:
    stack = stack_members(members)
    means, winners = tally(stack, "soft").count(np.array([0.7, 0.3]))
    models = stack.by_model().probabilities
    expected = 0.7 * models[:, 0] + 0.3 * models[:, 1]
    assert means == pytest.approx(expected)
    assert (winners == expected.argmax(axis=1)).all()


def test_weights_a_page_are_used_page_by_page(members: pd.DataFrame) -> None:
    votes = tally(stack_members(members), "soft")
    first, second = (votes.count(one)[0] for one in np.eye(2))
    weights = np.eye(2)[np.arange(40) % 2]
    assert votes.count(weights)[0] == pytest.approx(np.where(np.arange(40)[:, None] % 2, second, first))


def test_the_geometric_mean_is_the_root_of_the_product(members: pd.DataFrame) -> None:
    stack = stack_members(members)
    means, winners = tally(stack, "geometric").count(np.array([0.5, 0.5]))
    product = np.maximum(stack.probabilities, FLOOR).prod(axis=1) ** (1 / 6)
    assert means == pytest.approx(product / product.sum(axis=1, keepdims=True))
    assert (winners == product.argmax(axis=1)).all()


def test_the_rank_vote_is_the_count_of_borda(members: pd.DataFrame) -> None:
    stack = stack_members(members)
    means, winners = tally(stack, "rank").count(np.array([0.5, 0.5]))
    points = sum(rankdata(stack.probabilities[:, member], axis=1) for member in range(6))
    best = points >= points.max(axis=1, keepdims=True)
    assert best[np.arange(40), winners].all()
    assert (means[np.arange(40), winners] == np.where(best, means, 0).max(axis=1)).all()
    assert means == pytest.approx(stack.probabilities.mean(axis=1))


def test_the_winner_is_a_largest_one_and_a_page_draws_the_same_lot_wherever_it_stands() -> None:
    rng = np.random.default_rng(0)
    scores, finer = rng.integers(3, size=(300, 4)).astype(float), rng.integers(2, size=(300, 4)).astype(float)
    winners = first_of(scores, finer, PAGES)
    rows = np.arange(300)
    assert (scores[rows, winners] == scores.max(axis=1)).all()
    among = np.where(scores == scores.max(axis=1, keepdims=True), finer, -1)
    assert (among[rows, winners] == among.max(axis=1)).all()
    order = rng.permutation(300)
    assert (first_of(scores[order], finer[order], PAGES[order]) == winners[order]).all()


def test_sums_that_differ_by_rounding_are_a_tie() -> None:
    scores = np.array([[0.1 + 0.2, 0.3]])
    assert scores[0, 0] != scores[0, 1]
    assert first_of(scores, np.array([[0.0, 1.0]]), PAGES[:1]).tolist() == [1]
    assert first_of(scores, np.array([[1.0, 0.0]]), PAGES[:1]).tolist() == [0]


def test_a_first_guess_is_one_ballot() -> None:
    scores = np.random.default_rng(0).random((300, 3, 4))
    ballots = first_guesses(scores, PAGES)
    assert (ballots.sum(axis=2) == 1).all()
    assert (ballots.argmax(axis=2) == scores.argmax(axis=2)).all()
