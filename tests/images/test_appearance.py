"""How a page looks: each measure moves with what it is named after, and a file that cannot be read has none."""

from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from docsort.images import appearance as module
from docsort.images.appearance import APPEARANCE, appearance_of_traits, days_taken, measure_appearance
from docsort.images.traits import page_traits


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """To start workers would take longer than the work."""
    monkeypatch.setattr(module, "map_surviving", lambda function, items, *_: [function(*item) for item in items])


def of(page: np.ndarray) -> dict[str, float]:
    rows = appearance_of_traits(page_traits(page)[None], [page.shape[0] * page.shape[1]])
    return dict(zip(APPEARANCE, rows[0].tolist(), strict=True))


def test_each_measure_moves_with_what_it_is_named_after(pages: list[np.ndarray]) -> None:
    page, rng = pages[0], np.random.default_rng(0)
    before = of(page)
    assert of((page * 0.5).astype(np.uint8))["brightness"] < 0.6 * before["brightness"]
    assert of(cv2.GaussianBlur(page, (0, 0), 3))["sharpness"] < before["sharpness"] - 1
    assert of(np.clip(page + rng.normal(0, 15, page.shape), 0, 255).astype(np.uint8))["noise"] > before["noise"] + 5
    lying = of(np.rot90(page))
    assert (before["turn"], lying["turn"]) == (pytest.approx(0, abs=3), pytest.approx(90, abs=3))
    assert lying["shape"] == pytest.approx(-before["shape"], abs=0.02)
    assert of(cv2.resize(page, None, fx=2, fy=2))["size"] == pytest.approx(before["size"] + np.log(4), abs=0.01)
    matrix = cv2.getRotationMatrix2D((155, 210), 20, 0.8)
    turned = cv2.warpAffine(page, matrix, page.shape[1::-1], borderValue=(244, 244, 244))
    assert of(turned)["tilt"] == pytest.approx(20, abs=4)


def test_files_are_measured_as_their_pages_and_one_that_cannot_be_read_has_no_measure(
    pages: list[np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(pages[0]).save(tmp_path / "a.png", compress_level=1)
    (tmp_path / "b.png").write_text("nothing")
    rows = measure_appearance([str(tmp_path / name) for name in ("a.png", "b.png", "c.png")])
    np.testing.assert_array_equal(rows[0], np.float32(list(of(pages[0]).values())))
    assert np.isnan(rows[1:]).all()
    assert measure_appearance([]).shape == (0, len(APPEARANCE))


def test_the_day_of_a_photo_is_what_its_exif_says_or_none(pages: list[np.ndarray], tmp_path: Path) -> None:
    for name, text in {"a.jpg": "2026:03:14 10:11:12", "b.jpg": "0000:00:00 00:00:00"}.items():
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = text
        Image.fromarray(pages[0]).save(tmp_path / name, exif=exif)
    Image.fromarray(pages[0]).save(tmp_path / "c.png", compress_level=1)
    (tmp_path / "d.jpg").write_bytes(b"%PDF-1.4")
    names = ("a.jpg", "b.jpg", "c.png", "d.jpg", "gone.jpg")
    assert days_taken([str(tmp_path / name) for name in names]) == [date(2026, 3, 14), None, None, None, None]
