"""What the classifier sees of a page's text: character n-grams, of all words and of the largest alone, how the page is
laid out, and how like its words are to given titles.

N-grams are of whole words and of their beginnings and ends, as `char_wb` of scikit-learn makes them (after Cavnar &
Trenkle, "N-gram-based text categorization", SDAIR 1994): they stand a letter that was read wrong. With a key they are
counted under a number each, of which a page cannot be read: the hashing trick (Weinberger et al., ICML 2009). It keeps
text from lying about; who has the key and time can still try whether a page has a word that he knows.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np

from docsort.reading.text import PageText, Point
from docsort.reading.titles import best_likeness

TERMS_VERSION = 1
"""Raise it when the same text would give other terms."""

SHORTEST, LONGEST = 2, 5
"""Letters of an n-gram."""

ALL, LARGE = "a", "l"
"""The first letter of a term: whether it stands anywhere, or in the LARGE_LINES largest lines."""

LARGE_LINES = 3
NUMBERS = 2**20
"""That n-grams are counted under: so few that many n-grams share one, so many that those of a class seldom do."""

LAYOUT = ("lines", "letters", "confidence", "largest", "middle", "down", "aside", "digits", "capitals")


@dataclass(frozen=True)
class Wanted:
    """What is taken of a text. titles: words by class number; key: what n-grams are hashed with, "" for in clear."""

    titles: Mapping[int, Sequence[str]]
    key: str = ""


@dataclass(frozen=True)
class PageTerms:
    """counts: how often each term is there, none where there is no text. numbers: LAYOUT, then how like any line, and
    how like the largest lines are to the titles of each class; all of them about 0 to 1."""

    counts: Mapping[str, int]
    numbers: tuple[float, ...]

    def to_record(self) -> list[Any]:
        """The same as JSON has it."""
        return [dict(self.counts), list(self.numbers)]

    @classmethod
    def from_record(cls, record: Sequence[Any]) -> "PageTerms":
        """What `to_record` made, bit for bit."""
        return cls(record[0], tuple(record[1]))


def terms_of(text: PageText, wanted: Wanted) -> PageTerms:
    """Of one page; nothing of it depends on other pages."""
    lines = [line.text for line in text.lines]
    blocks = {ALL: lines, LARGE: lines[:LARGE_LINES]}
    counts = Counter(f"{block}{part}" for block, own in blocks.items() for part in _ngrams(own, wanted.key))
    likeness = [best_likeness(own, wanted.titles) for own in blocks.values()]
    return PageTerms(dict(sorted(counts.items())), (*layout(text), *likeness[0], *likeness[1]))


def layout(text: PageText) -> tuple[float, ...]:
    """The numbers LAYOUT, each about 0 to 1; `down` and `aside`: where the largest line stands in the upright page, and
    how far from its middle.
    """
    if not text.lines:
        return (0.0,) * len(LAYOUT)
    largest, letters = text.lines[0], "".join(line.text for line in text.lines)
    across, down = np.mean([_upright(corner, text.turn) for corner in largest.box], axis=0).tolist()
    count = len(letters)
    return (
        min(1.0, len(text.lines) / 12),
        float(np.log1p(count)) / 5,
        sum(line.confidence for line in text.lines) / len(text.lines),
        min(1.0, 8 * largest.size),
        min(1.0, 12 * float(np.median([line.size for line in text.lines]))),
        down,
        abs(across - 0.5),
        sum(letter.isdigit() for letter in letters) / count,
        sum(letter.isupper() for letter in letters) / count,
    )


def _upright(corner: Point, turn: int | None) -> Point:
    """Where it stands once the page is laid upright, see `images.dihedral`; the middle where nothing tells."""
    if turn is None:
        return 0.5, 0.5
    x, y = (1 - corner[0], corner[1]) if turn >= 4 else corner
    for _ in range(turn % 4):
        x, y = y, 1 - x
    return x, y


def _ngrams(lines: Sequence[str], key: str) -> list[str]:
    parts: list[str] = _analyser()(unicodedata.normalize("NFKC", "\n".join(lines)))
    return [_number(part, key) for part in parts] if key else parts


def _number(part: str, key: str) -> str:
    digest = blake2b(part.encode(errors="surrogatepass"), digest_size=8, key=key.encode()).digest()
    return str(int.from_bytes(digest, "big") % NUMBERS)


@cache
def _analyser() -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(analyzer="char_wb", ngram_range=(SHORTEST, LONGEST)).build_analyzer()
