from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn_files import drawn, pdf_of

from docsort.images.pdf import LONGEST_SIDE, count_pdf_pages, render_pdf_page

LOCKED = (
    b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<"""
    + b"00" * 32
    + b">/U<"
    + b"11" * 32
    + b""">>>endobj
trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]/Size 5>>
%%EOF"""
)


def test_pages_come_in_their_order_and_alike_from_any_thread() -> None:
    data = pdf_of(*(drawn(number) for number in range(3)))
    assert count_pdf_pages(data) == 3
    alone = [render_pdf_page(data, page) for page in range(3)]
    assert not np.array_equal(alone[0], alone[1])
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda number: render_pdf_page(data, number % 3), range(12)))
    assert all(np.array_equal(page, alone[number % 3]) for number, page in enumerate(beside))


def test_a_poster_is_rendered_within_bounds() -> None:
    page = render_pdf_page(pdf_of(drawn(0, (3000, 900))), 0)
    assert page.shape == (round(LONGEST_SIDE * 0.3 + 0.5), LONGEST_SIDE, 3)


def test_a_pdf_that_is_locked_damaged_or_empty_is_told_in_words() -> None:
    for data, why in (
        (LOCKED, "locked by a password"),
        (b"%PDF-1.4 nothing", "damaged"),
        (pdf_of(drawn())[:90], "damaged"),
    ):
        with pytest.raises(ValueError, match=f"the PDF is {why}"):
            render_pdf_page(data, 0)
