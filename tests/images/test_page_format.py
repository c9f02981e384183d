"""New photos are laid out as renders are, to the byte."""

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from docsort.augmentation.shards import PLAIN, Page, Shard, Style, file_name, render_shards
from docsort.images import page_format as module
from docsort.images.letterbox import letterbox
from docsort.images.page_format import STRAIGHTENED_SCALE, PageFormat
from docsort.images.reading import read_rgb
from docsort.images.straightening import rotate_whole

Image = NDArray[np.uint8]
SIDE = 48
WAYS = [
    (PageFormat(SIDE, straighten, letterboxed), quality)
    for straighten in (False, True)
    for letterboxed in (True, False)
    for quality in (90, 60)
]


@pytest.fixture(params=["as it is", "askew", "large"])
def photo(request: pytest.FixtureRequest, pages: list[Image]) -> Image:
    """(H, W, 3); the large one has more pixels than are straightened."""
    if request.param == "askew":
        return rotate_whole(pages[1], 11)
    if request.param == "large":
        return cv2.resize(pages[2], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    return pages[0]


@pytest.mark.parametrize(("page_format", "quality"), WAYS)
def test_a_photo_is_stored_as_the_plain_render_of_it_is(
    photo: Image, page_format: PageFormat, quality: int, tmp_path: Path
) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
    source = Page(str(path), sha256(path.read_bytes()).hexdigest())
    shard = Shard("ab12", source, ((PLAIN, 0),), ())
    style = Style(page_format, quality, 7)
    render_shards([(shard, style)], tmp_path)
    render = shard.folder(tmp_path) / file_name(PLAIN, 0)
    assert page_format.stored(photo, quality) == render.read_bytes()
    np.testing.assert_array_equal(page_format.seen(photo, quality), read_rgb(render))


def test_formats_lay_the_same_photo_out_in_different_ways(photo: Image) -> None:
    """Else the test above could not tell one from another."""
    assert len({page_format.stored(photo, quality) for page_format, quality in WAYS}) == len(WAYS)


def test_a_square_is_the_letterboxed_page_after_a_jpeg(pages: list[Image]) -> None:
    plain, fine = letterbox(pages[0], SIDE).astype(int), PageFormat(SIDE, False).seen(pages[0], 100)
    assert fine.shape == (SIDE, SIDE, 3)
    assert fine.dtype == np.uint8
    coarse = PageFormat(SIDE, False).seen(pages[0], 20)
    assert np.abs(fine - plain).mean() < 3 < np.abs(coarse - plain).mean()


def test_a_page_that_keeps_its_shape_is_shrunk_and_never_enlarged_nor_padded(pages: list[Image]) -> None:
    page = pages[0]
    height, width = page.shape[:2]
    assert height != width
    own, small = PageFormat(1000, False, False), PageFormat(100, False, False)
    assert own.seen(page, 90).shape == page.shape
    assert max(small.seen(page, 90).shape) == 100
    ratio = np.divide(*small.seen(page, 90).shape[:2])
    assert ratio == pytest.approx(height / width, rel=0.02)
    assert PageFormat(1000, False).seen(page, 90).shape == (1000, 1000, 3)


def test_a_page_is_straightened_at_a_few_times_its_stored_side(
    pages: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(module, "straighten", lambda page: (seen.append(max(page.shape)), page)[1])
    PageFormat(SIDE, True).stored(pages[0], 90)
    PageFormat(SIDE, True).finished(pages[0], 90)
    PageFormat(SIDE, False).stored(pages[0], 90)
    PageFormat(SIDE, True, False).stored(pages[0], 90)
    assert seen == [STRAIGHTENED_SCALE * SIDE, 420, STRAIGHTENED_SCALE * SIDE]


def test_the_fingerprint_changes_with_all_that_decides_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [page_format.fingerprint(quality) for page_format, quality in WAYS]
    assert len(set(map(str, found))) == len(WAYS)
    assert found == [page_format.fingerprint(quality) for page_format, quality in WAYS]
    assert version("opencv-python-headless") in found[0]
    monkeypatch.setattr(module, "FORMAT_VERSION", 99)
    assert PageFormat(SIDE, False).fingerprint(90) != found[0]
