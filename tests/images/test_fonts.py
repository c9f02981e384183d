"""Text in pictures: letters of any script that some font has, never boxes."""

import unicodedata
from io import BytesIO

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from docsort.images import fonts
from docsort.images.fonts import draw_text, text_width

SIZE = 11


def drawn(text: str) -> NDArray[np.uint8]:
    sheet = Image.new("L", (300, 20), 255)
    draw_text(ImageDraw.Draw(sheet), (4, 2), text, SIZE, "black")
    return np.asarray(sheet)


def drawn_by_pillow(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> NDArray[np.uint8]:
    sheet = Image.new("L", (300, 20), 255)
    baseline = 2 + ImageFont.load_default(SIZE).getmetrics()[0]  # type: ignore[union-attr]
    ImageDraw.Draw(sheet).text((4, baseline), text, fill="black", font=font, anchor="ls")
    return np.asarray(sheet)


PAIRS = [
    ("이력서", "진단서"),
    ("发票", "护照"),
    ("カード", "メール"),
    ("فاتورة", "عقودنا"),
    ("ใบจอง", "สแกน"),
    ("Счёт", "Актъ"),
    ("חוזה", "קבלה"),
    ("äö", "üß"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_letters_of_every_script_are_told_apart(one: str, other: str) -> None:
    boxes = [drawn_by_pillow(text[:2], ImageFont.load_default(SIZE)) for text in (one, other)]
    assert (boxes[0] == boxes[1]).all(), "Pillow's own font draws a box for each of them"
    assert (drawn(one[:2]) != drawn(other[:2])).any()


def test_what_pillows_own_font_has_is_drawn_as_it_draws_it() -> None:
    text = "0 resume -> 3 (0.93) · _x …"
    assert (drawn(text) == drawn_by_pillow(text, ImageFont.load_default(SIZE))).all()
    assert text_width(text, SIZE) == ImageFont.load_default(SIZE).getlength(text)


def test_a_name_in_pieces_looks_as_the_whole_one() -> None:
    assert (drawn(unicodedata.normalize("NFD", "진단서 é")) == drawn("진단서 é")).all()


def test_a_page_brings_along_just_the_letters_that_a_machine_may_lack() -> None:
    assert fonts.fonts_of("0 resume → é") == []
    assert fonts.fonts_of("\U0001f697") == []  # no package has it
    (korean,) = fonts.fonts_of("0 진단서 진")
    assert korean[:4] == b"wOFF"
    assert len(korean) < 20_000
    letters = set(TTFont(BytesIO(korean)).getBestCmap())
    assert letters >= set(map(ord, "진단서"))
    assert len(letters) < 10
    assert len(fonts.fonts_of("진단서 हिन्दी ใบจอง")) == 3
    assert fonts.fonts_of("진단서") == fonts.fonts_of("진단서")


def test_letters_that_join_keep_their_forms() -> None:
    (arabic,) = fonts.fonts_of("شهادة")
    assert len(TTFont(BytesIO(arabic)).getGlyphOrder()) > len(set("شهادة")) + 1


def test_words_that_run_leftwards_keep_their_order() -> None:
    (file,) = (source for source in fonts._packaged() if source.endswith("DejaVuSans.ttf"))
    assert (drawn("עקב גד") == drawn_by_pillow("עקב גד", ImageFont.truetype(file, SIZE))).all()


def test_letters_that_no_font_has_are_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("_packaged", "_system"):
        monkeypatch.setattr(fonts, name, list)
    fonts._source_of.cache_clear()
    fonts._warn_of.cache_clear()
    assert (drawn("0 이력서") == drawn("0 ?")).all()
    drawn("1 여권")
    fonts._source_of.cache_clear()
    assert len(caplog.messages) == 1
    assert "letters of the script hangul" in caplog.messages[0]
    assert "fontpkg-noto-sans-hangul" in caplog.messages[0]
