import numpy as np
from scipy.sparse import csr_array

from docsort.members.logistic import choose_strength, regress, softmax


def test_sparse_points_give_what_dense_ones_do() -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(60, 5)), np.arange(60) % 3
    dense, sparse = (regress(given, labels, 4, 0.5, False) for given in (points, csr_array(points)))
    for own, other in zip(dense, sparse, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-6)
    assert dense[1][3] == -1e3


def test_what_is_fitted_knows_the_learnt_rows_alone() -> None:
    """And is asked of the test-like pages of the fold that it does not know."""
    points, labels = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 2
    folds, test_like = np.arange(12) // 4, np.arange(12) % 3 == 0
    asked = []

    def represent(learnt: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append((learnt, wanted))
        return points[learnt], points[wanted]

    assert choose_strength(labels, folds, test_like, represent, 2, strengths=(0.1, 1.0)) in (0.1, 1.0)
    for fold, (learnt, wanted) in enumerate(asked):
        np.testing.assert_array_equal(learnt, folds != fold)
        np.testing.assert_array_equal(wanted, (folds == fold) & test_like)
    assert len(asked) == 3


def test_a_logit_of_minus_infinity_has_no_share() -> None:
    found = softmax(np.array([[0.0, -np.inf, 0.0], [1000.0, 0.0, -np.inf]]))
    np.testing.assert_allclose(found, [[0.5, 0, 0.5], [1, 0, 0]])
