from dataclasses import replace

import numpy as np
import pytest

from docsort.images.dihedral import TURNS, apply_turn
from docsort.reading.terms import LAYOUT, PageTerms, Wanted, layout, terms_of
from docsort.reading.text import PageText, TextLine

BOX = ((0.2, 0.1), (0.6, 0.1), (0.6, 0.2), (0.2, 0.2))
TEXT = PageText(
    (
        TextLine("Medical Certificate", 0.9, BOX, 0.05),
        TextLine("진단서", 0.8, BOX, 0.04),
        TextLine("Dr. Watson", 0.7, BOX, 0.03),
        TextLine("Baker Street 221", 0.6, BOX, 0.02),
    ),
    0,
)
PLAIN = Wanted({})


def test_terms_are_ngrams_of_all_words_and_of_the_largest_lines() -> None:
    counts = terms_of(TEXT, PLAIN).counts
    assert counts["amed"] == counts["lmed"] == counts["acert"[:4]] == 1
    assert (counts["a진단서"], counts["l진단서"]) == (1, 1)
    assert counts["astr"] == 1
    assert "lstr" not in counts
    assert terms_of(PageText(problem="too slow"), PLAIN) == PageTerms({}, (0.0,) * len(LAYOUT))


def test_the_order_of_lines_that_are_as_large_changes_nothing() -> None:
    first, second, *rest = TEXT.lines
    assert terms_of(replace(TEXT, lines=(second, first, *rest)), PLAIN).counts == terms_of(TEXT, PLAIN).counts


def test_with_a_key_there_are_as_many_terms_and_no_letter_of_the_page() -> None:
    clear, hashed = terms_of(TEXT, PLAIN), terms_of(TEXT, Wanted({}, "k"))
    assert all(term[1:].isdecimal() for term in hashed.counts)
    assert sorted(hashed.counts.values()) == pytest.approx(sorted(clear.counts.values()))
    assert hashed.numbers == clear.numbers
    assert not set(terms_of(TEXT, Wanted({}, "other")).counts) & set(hashed.counts)
    assert terms_of(TEXT, Wanted({}, "k")) == hashed


def test_a_record_gives_the_same_terms_back() -> None:
    terms = terms_of(TEXT, Wanted({3: ("진단서",)}))
    assert PageTerms.from_record(terms.to_record()) == terms


@pytest.mark.parametrize("turn", TURNS)
def test_the_largest_line_is_found_at_its_place_however_the_page_lies(turn: int) -> None:
    """The oracle is a picture of the box: it is turned back by the turn that the text names."""
    page = np.zeros((40, 40), dtype=np.uint8)
    page[4:8, 8:24] = 1  # BOX
    lying = next(k for k in TURNS if np.array_equal(apply_turn(apply_turn(page, k), turn), page))
    rows, columns = np.nonzero(apply_turn(page, lying))
    (top, left), (bottom, right) = (rows.min(), columns.min()), (rows.max() + 1, columns.max() + 1)
    box = tuple((float(x) / 40, float(y) / 40) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)))
    text = replace(TEXT, lines=(replace(TEXT.lines[0], box=box),), turn=turn)
    found = dict(zip(LAYOUT, layout(text), strict=True))
    assert (found["down"], found["aside"]) == pytest.approx((0.15, 0.1))
    nowhere = dict(zip(LAYOUT, layout(replace(text, turn=None)), strict=True))
    assert (nowhere["down"], nowhere["aside"]) == (0.5, 0.0)
