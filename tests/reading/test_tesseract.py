from pathlib import Path

import numpy as np
import pytest
from drawn_text import KOREAN_LINES, draw_words
from numpy.typing import NDArray

from docsort.augmentation.damage import Damage, apply_damage
from docsort.images.dihedral import apply_turn
from docsort.reading import rapid, tesseract
from docsort.reading.page_reader import read_page
from docsort.reading.tesseract import TesseractEngine, advice, languages, model_files

KOREAN_TITLES = ("진단서", "소견서", "입퇴원확인서", "통원확인서")

needs_korean = pytest.mark.skipif("kor" not in languages(), reason="there is no Korean data for Tesseract")


@pytest.fixture(scope="module")
def korean() -> TesseractEngine:
    return TesseractEngine("kor")


def damaged(page: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """Turned, mirrored, blurred, noisy, pale."""
    drawn = (
        Damage(degrees=20, blur_sigma=0.8, fade=0.2),
        Damage(mirror=True, degrees=-95, noise_sd=12),
        Damage(flip=True, degrees=8, blur_sigma=0.6, jpeg_quality=70),
        Damage(degrees=170, warp_amount=0.006, darken=0.15),
    )
    return apply_damage(page, None, drawn[number])


@needs_korean
@pytest.mark.parametrize("number", range(4))
def test_korean_titles_are_read_letter_for_letter_clean_and_damaged(number: int, korean: TesseractEngine) -> None:
    page = draw_words(KOREAN_TITLES[number], KOREAN_LINES)
    for lying in (page, damaged(page, number)):
        assert KOREAN_TITLES[number] in [line.text for line in read_page(lying, korean, 6).lines]


@needs_korean
def test_the_engine_for_latin_does_not_read_them() -> None:
    found = read_page(draw_words(KOREAN_TITLES[2], KOREAN_LINES), rapid.RapidEngine("latin"), 6)
    assert KOREAN_TITLES[2] not in [line.text for line in found.lines]


@needs_korean
def test_a_korean_page_that_lies_anyhow_is_read_the_same_again(korean: TesseractEngine) -> None:
    page = apply_turn(draw_words(KOREAN_TITLES[0], KOREAN_LINES), 6)
    assert read_page(page, korean, 6) == read_page(page, TesseractEngine("kor"), 6)


def test_languages_are_what_lies_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert languages() == []
    for name in ("eng", "osd", "kor"):
        (tmp_path / f"{name}.traineddata").touch()
    assert languages() == ["latin", "eng", "kor"]
    assert [path.name for path in model_files("kor+latin")] == [
        rapid.DETECTOR,
        "kor.traineddata",
        "eng.traineddata",
    ]
    assert advice("tha").startswith("install the package tesseract-ocr-tha, or set TESSDATA_PREFIX")

    monkeypatch.setattr(tesseract, "FOLDERS", ())
    monkeypatch.delenv("TESSDATA_PREFIX")
    assert languages() == []
