import numpy as np
import pytest
from numpy.typing import NDArray

from docsort_sample.certificates import ADMISSION, CONFUSABLE, DIAGNOSIS, OPINION, OUTPATIENT, TITLES, draw_certificate
from docsort_sample.randomness import derive_rng
from docsort_sample.sheet import Sheet, draw_look


def certificate(target: int, seed: int) -> NDArray[np.uint8]:
    rng = derive_rng(seed, "test-certificate")
    sheet = Sheet(443, 591, rng, draw_look(rng))
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
    titles = [words for target in CONFUSABLE for words in set(TITLES[target])]
    assert len(titles) == len(set(titles))
