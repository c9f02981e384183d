import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer

from docsort.reading.classifier import HALF, STRENGTHS, Known, Lexicon, TextClassifier, learn
from docsort.reading.terms import ALL, LARGE, PageTerms

WORDS = (("bill", "total", "sum"), ("pass", "birth", "name"), ("drug", "dose", "day"))


def page(label: int, rng: np.random.Generator, words: int = 3) -> PageTerms:
    """Words of its class, and noise that all have."""
    own = [*rng.choice(WORDS[label], words), *rng.choice(["the", "of", "and"], 2)]
    counts = {f"{block}{word}": own.count(word) for word in own for block in (ALL, LARGE)}
    return PageTerms(dict(sorted(counts.items())), (float(rng.random()),))


def known_pages(count: int = 90) -> Known:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    pages = [page(int(label), rng) for label in labels]
    return Known(pages, labels, np.arange(count) // 3 % 4, np.arange(count) % 2 == 0, np.ones(count, dtype=bool))


def test_terms_weigh_as_scikit_learn_has_it() -> None:
    known = known_pages()
    lexicon = Lexicon.of(known.pages)
    own = [term for term in lexicon.terms if term[0] == ALL]
    counts = csr_array([[page.counts.get(term, 0) for term in own] for page in known.pages], dtype=float)
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
    found = lexicon.matrix(known.pages).toarray()[:, : len(own)]
    kinds = (expected > 0).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected * kinds / (kinds + HALF), rtol=1e-12)


def test_a_term_of_one_page_does_not_count() -> None:
    pages = [PageTerms({"aonce": 3, "atwice": 1}, ()), PageTerms({"atwice": 1}, ())]
    assert Lexicon.of(pages).terms == ("atwice",)


def test_unseen_pages_are_told_and_the_less_is_known_the_flatter_is_the_answer() -> None:
    classifier, _ = learn(known_pages(), 4, 0)
    rng = np.random.default_rng(1)
    answers = np.array([classifier.answer(page(label, rng)) for label in (0, 1, 2) * 10])
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    assert (answers.argmax(axis=1) == np.array([0, 1, 2] * 10)).mean() > 0.95
    assert (answers[:, 3] == 0).all()
    little = classifier.answer(PageTerms({"abill": 1}, (0.5,)))
    nothing = classifier.answer(PageTerms({"aunknown": 1}, (0.5,)))
    assert 1 / 3 < little[0] < answers[::3, 0].mean()
    np.testing.assert_allclose(nothing[:3], 1 / 3, atol=0.1)


def test_worn_copies_are_learnt_and_count_neither_as_pages_nor_as_terms() -> None:
    known = known_pages(30)
    typo = PageTerms({"abiII": 1, "lbiII": 1}, (0.5,))
    pages = [*known.pages, *[typo] * 20]

    def joined(values: np.ndarray, more: object) -> np.ndarray:
        return np.concatenate([values, np.full(20, more, dtype=values.dtype)])

    more = Known(
        pages,
        joined(known.labels, 0),
        joined(known.folds, 0),
        joined(known.test_like, False),
        joined(known.as_read, False),
    )
    classifier, _ = learn(more, 3, 0)
    assert "abiII" not in classifier.lexicon.terms
    np.testing.assert_allclose(classifier.shares, 1 / 3)
    assert classifier.answer(typo)[0] > learn(known, 3, 0)[0].answer(typo)[0]


def test_it_is_held_back_where_words_tell_nothing() -> None:
    known = known_pages()
    drawn = np.random.default_rng(2).permutation(known.labels)
    vague = Known(known.pages, drawn, known.folds, known.test_like, known.as_read)
    assert STRENGTHS[0] <= learn(vague, 3, 0)[1] < learn(known, 3, 0)[1]


@pytest.mark.parametrize("folds", [np.zeros(90, dtype=np.int64), np.arange(90) % 3])
def test_pages_of_one_fold_or_of_a_class_a_fold_still_give_a_classifier(folds: np.ndarray) -> None:
    known = known_pages()
    classifier, _ = learn(Known(known.pages, known.labels, folds, known.test_like, known.as_read), 3, 0)
    assert isinstance(classifier, TextClassifier)
    assert np.isfinite(classifier.answer(known.pages[0])).all()
