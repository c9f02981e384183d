"""Learns from the words of pages which class they are of: TF-IDF of their n-grams, and logistic regression.

Terms weigh as scikit-learn's `TfidfTransformer(sublinear_tf=True)` has it (Salton & Buckley, "Term-weighting approaches
in automatic text retrieval", 1988), those of all words and of the largest by themselves. The less of a page is known,
the shorter its row: a page of a few words that say nothing is answered with about the class shares, and one without
text with exactly these. The regression sees the pages on their principal axes (latent semantic analysis, Deerwester et
al., JASIS 1990), which is a tenth of the work; being linear, the axes are multiplied into the weights at the end.

Legend of shapes: N pages, F terms, P numbers of a page, being F and those of its layout and titles, A axes, C classes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.members.logistic import choose_strength, regress, softmax
from docsort.reading.terms import PageTerms

STRENGTHS = tuple(np.geomspace(1.0, 1000.0, 7).tolist())
"""Inverse of the L2 penalty, as scikit-learn's C."""

AXES = 256
"""That are kept, at most."""

FEWEST_PAGES = 2
"""That a term must be on to count."""

HALF = 3
"""Known terms with which a page's row is half as long as it can be."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Known:
    """Pages that are learnt: their terms, labels (N,) from 0 to C - 1, the fold (N,) of each, which (N,) are test-like,
    and which (N,) are as they were read, the others being worn copies of a text.
    """

    pages: Sequence[PageTerms]
    labels: Integers
    folds: Integers
    test_like: Flags
    as_read: Flags


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The terms that count, ascending, and the weight of each (F,), its inverse document frequency."""

    terms: tuple[str, ...]
    rarity: Floats

    @classmethod
    def of(cls, pages: Sequence[PageTerms]) -> "Lexicon":
        """What these pages have."""
        found = Counter(term for page in pages for term in page.counts)
        terms = tuple(sorted(term for term, count in found.items() if count >= FEWEST_PAGES))
        counts = np.array([found[term] for term in terms], dtype=np.float64)
        return cls(terms, np.log((1 + len(pages)) / (1 + counts)) + 1)

    def places(self) -> dict[str, int]:
        """Of each term."""
        return {term: place for place, term in enumerate(self.terms)}

    def row(self, page: PageTerms, places: dict[str, int]) -> tuple[Integers, Floats]:
        """The page's numbers that are not zero, and their columns, of P; the same whatever pages are beside it."""
        columns, values = [], []
        known = sorted((term[0], places[term], count) for term, count in page.counts.items() if term in places)
        for _, own in groupby(known, key=lambda each: each[0]):
            _, block, counts = map(np.array, zip(*own, strict=True))
            weights = (1 + np.log(counts.astype(np.float64))) * self.rarity[block]
            length = np.sqrt(np.square(weights).sum())
            columns.append(block)
            values.append(weights / length * (len(block) / (len(block) + HALF)))
        columns.append(len(self.terms) + np.arange(len(page.numbers)))
        values.append(np.array(page.numbers, dtype=np.float64))
        return np.concatenate(columns).astype(np.int64), np.concatenate(values)

    def matrix(self, pages: Sequence[PageTerms]) -> Any:
        """(N, P), sparse."""
        from scipy.sparse import csr_array

        places = self.places()
        rows = [self.row(page, places) for page in pages]
        ends = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns, values = (np.concatenate(part) for part in zip(*rows, strict=True))
        return csr_array((values, columns, ends), shape=(len(pages), len(self.terms) + len(pages[0].numbers)))


@dataclass(frozen=True, eq=False)
class TextClassifier:
    """weights (P, C) and bias (C,) of a page's row; shares (C,) of the learnt pages, 0 for a class of none."""

    lexicon: Lexicon
    weights: NDArray[np.float32]
    bias: Floats
    shares: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", self.lexicon.places())

    def answer(self, page: PageTerms) -> Floats:
        """Probabilities (C,) of a page, those of one without text being the class shares."""
        if not page.counts:
            return self.shares
        columns, values = self.lexicon.row(page, self._places)  # type: ignore[attr-defined]
        logits = (values[:, None] * self.weights[columns]).sum(axis=0) + self.bias
        return softmax(np.where(self.shares > 0, logits, -np.inf)[None]).ravel()


def learn(known: Known, classes: int, seed: int) -> tuple[TextClassifier, float]:
    """The classifier, and how strongly it is held back. Pages without text count in the class shares alone. There must
    be text on pages of two classes.
    """
    readable = np.array([bool(page.counts) for page in known.pages])
    rows = np.flatnonzero(readable)
    pages = [known.pages[row] for row in rows.tolist()]
    labels, as_read = known.labels[rows], known.as_read[rows]

    def taken(chosen: Flags) -> list[PageTerms]:
        return [pages[row] for row in np.flatnonzero(chosen)]

    def represent(learnt: Flags, asked: Flags) -> tuple[Any, Any]:
        lexicon = Lexicon.of(taken(learnt & as_read))
        points = lexicon.matrix(taken(learnt))
        axes = _axes(points, seed)
        return points @ axes, lexicon.matrix(taken(asked)) @ axes

    strength = choose_strength(
        labels, known.folds[rows], known.test_like[rows], represent, classes, strengths=STRENGTHS
    )
    lexicon = Lexicon.of(taken(as_read))
    points = lexicon.matrix(pages)
    axes = _axes(points, seed)
    weights, bias = regress(points @ axes, labels, classes, strength, balanced=False)
    counts = np.bincount(known.labels[known.as_read], minlength=classes)
    return TextClassifier(lexicon, (axes @ weights).astype(np.float32), bias, counts / counts.sum()), strength


def _axes(points: Any, seed: int) -> Floats:
    """(P, A) of points (N, P)."""
    from sklearn.decomposition import TruncatedSVD

    return np.asarray(TruncatedSVD(min(AXES, *points.shape), random_state=seed % 2**32).fit(points).components_.T)
