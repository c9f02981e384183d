from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_pages import SIDE, draw

from docsort.errors import InputError
from docsort.images.reading import UnreadableImageError
from docsort.looking.describing import describe_pages, numbers_of
from docsort.looking.features import describe
from docsort.looking.parameters import LookParameters

AS_STORED = LookParameters(size=SIDE)


def test_the_table_holds_the_numbers_of_each_page_in_any_order_asked_for(photos: pd.DataFrame) -> None:
    looks = describe_pages(photos, AS_STORED)
    wanted = pd.Series(["3", "0"])
    expected = np.stack([describe(draw(0, 3)), describe(draw(0, 0))])
    np.testing.assert_allclose(numbers_of(looks, wanted), expected, rtol=1e-3, atol=1e-3)
    assert describe_pages(photos, AS_STORED)["numbers"].tolist() == looks["numbers"].tolist()


def test_pages_that_were_not_described_are_named(photos: pd.DataFrame) -> None:
    looks = describe_pages(photos.iloc[:2], AS_STORED)
    with pytest.raises(InputError, match=r"Expected every page to be described, but 1 are not: 4"):
        numbers_of(looks, pd.Series(["1", "4"]))
    with pytest.raises(InputError, match="described in another way"):
        numbers_of(looks.assign(numbers=[b"12", b"34"]), pd.Series(["1"]))


def test_an_unreadable_page_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match="x.jpg"):
        describe_pages(pd.DataFrame({"render_id": ["x"], "path": [str(tmp_path / "x.jpg")]}), AS_STORED)


def test_no_pages_give_no_rows() -> None:
    assert describe_pages(pd.DataFrame({"render_id": [], "path": []}), AS_STORED).empty
