import numpy as np
import pytest
from numpy.typing import NDArray

from docsort_sample.certificates import (
    ADMISSION,
    CONFUSABLE,
    DIAGNOSIS,
    OPINION,
    OUTPATIENT,
    TITLES,
    TITLES_IN_HANGUL,
    draw_certificate,
)
from docsort_sample.lettering import HANGUL, set_line
from docsort_sample.randomness import derive_rng
from docsort_sample.sheet import USUAL, Sheet, Variant, draw_look


def certificate(target: int, seed: int, variant: Variant = USUAL) -> NDArray[np.uint8]:
    rng = derive_rng(seed, "test-certificate")
    sheet = Sheet(443, 591, rng, draw_look(rng), variant)
    draw_certificate(sheet, target)
    return np.asarray(sheet.image.convert("L"))


def test_the_four_share_one_form_above_the_title() -> None:
    # The same random numbers give the same frame and letterhead, whatever the class.
    tops = [certificate(target, 5)[:25] for target in CONFUSABLE]
    for other in tops[1:]:
        np.testing.assert_array_equal(tops[0], other)


@pytest.mark.parametrize("pair", [(ADMISSION, OUTPATIENT), (DIAGNOSIS, OPINION), (DIAGNOSIS, OUTPATIENT)])
def test_any_two_of_the_four_differ_where_their_fields_are(pair: tuple[int, int]) -> None:
    first, second = (certificate(target, 5).astype(int) for target in pair)
    assert np.abs(first - second)[25:400].mean() > 2


def test_no_title_is_shared() -> None:
    titles = [words for own in (TITLES, TITLES_IN_HANGUL) for target in CONFUSABLE for words in set(own[target])]
    assert len(titles) == len(set(titles))


def rows_that_differ(seed: int, variant: Variant) -> set[int]:
    """Rows of pixels, from the top, in which not all four classes are the same, for the same random numbers."""
    first, *others = (certificate(target, seed, variant) for target in CONFUSABLE)
    return {row for other in others for row in np.flatnonzero((first != other).any(axis=1)).tolist()}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("hangul", [False, True])
def test_where_only_the_title_tells_all_else_is_the_same_to_the_pixel_whatever_the_class(
    seed: int, hangul: bool
) -> None:
    usual, bare = (rows_that_differ(seed, Variant(title_only=own, hangul=hangul)) for own in (False, True))
    title = range(20, 120)
    assert not usual <= set(title)  # elsewhere the blocks differ
    assert bare
    assert bare <= set(title)


def test_a_page_in_hangul_is_the_same_page_with_other_words() -> None:
    variants = (Variant(title_only=True, hangul=own) for own in (False, True))
    latin, hangul = (certificate(DIAGNOSIS, 5, own).astype(int) for own in variants)
    rows = np.abs(latin - hangul).max(axis=1) > 60
    assert rows[20:120].any()  # title
    assert rows[120:350].any()  # labels
    assert not rows[400:].any()  # the footer has none


def test_letters_of_hangul_are_drawn_and_not_the_box_that_stands_for_a_missing_letter() -> None:
    letters = sorted({letter for own in TITLES_IN_HANGUL.values() for words in own for letter in words} - {" "})
    drawn = {np.asarray(set_line(letter, HANGUL, False, 24)).tobytes() for letter in letters}
    missing = np.asarray(set_line("\ue000", HANGUL, False, 24)).tobytes()
    assert len(drawn) == len(letters) > 10
    assert missing not in drawn
