from collections.abc import Callable

import numpy as np
import pytest

from docsort.kernel.learning import Described, best_sharpness, learn
from docsort.kernel.regression import to_probabilities

Make = Callable[..., Described]


def test_pages_that_lie_upside_down_are_found_and_laid_upright(described: Make) -> None:
    plain = described(lying=(1, 14), a_kind=12)
    learnt = learn(plain, plain.take(np.zeros(len(plain), bool)), described(first=9), 3)
    assert np.flatnonzero(learnt.turns).tolist() == [1, 14]
    assert learnt.turns[[1, 14]].tolist() == [2, 2]


def test_worn_pages_are_learnt_in_the_turn_that_they_lie_in(described: Make) -> None:
    plain, worn = described(), described(lying=tuple(range(0, 18, 2)), first=20)
    learnt = learn(plain, worn, described(first=9), 3)
    assert learnt.turns.tolist() == [0] * 18 + [2, 0] * 9
    assert learnt.weights.shape == (8, 36, 3)


def test_a_mistaken_look_is_made_less_sure_than_one_that_is_right() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    scores = rng.normal(0, 0.1, (300, 8, 3))
    scores[np.arange(300), 0, labels] += 0.6
    mistaken = np.where(rng.random(300) < 0.4, rng.integers(0, 3, 300), labels)
    assert best_sharpness(scores, mistaken) < best_sharpness(scores, labels)


def test_sharpness_is_that_under_which_pages_were_drawn() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 0.25, (4000, 8, 3))
    joint = to_probabilities(scores, 12.0, np.ones(3, bool)).sum(axis=1)
    labels = (joint.cumsum(axis=1) < rng.random(4000)[:, None]).sum(axis=1).clip(max=2)
    assert best_sharpness(scores, labels) == pytest.approx(12, rel=0.12)
