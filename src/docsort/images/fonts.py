"""Text in pictures, in any script that some font has.

Pillow draws a text in one font, with boxes where the font has no letter. Here each piece of a text gets the first font
that has its letters: Pillow's own, those of installed packages, the system's. A letter that none of them has becomes a
question mark, and one warning a script says what to install.
"""

import logging
import pkgutil
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import ImageDraw, ImageFont

log = logging.getLogger(__name__)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FONT_PACKAGES = ("noto_cjk_", "fontpkg_")
"""How the modules of packages that only carry fonts begin; fontpkg-noto-sans-khmer is `fontpkg_noto_sans_khmer`."""

MISSING = "?"

LATIN = 0x24F
"""The last code point of the letters that every machine has a font for."""


def draw_text(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, fill: str) -> None:
    """Draws a line of text; place: its upper left corner, pixels; size: pixels."""
    left, top = place
    baseline = top + _ascent(size)
    for font, piece in _pieces(text, size):
        draw.text((left, baseline), piece, fill=fill, font=font, anchor="ls")
        left += round(font.getlength(piece))


def text_width(text: str, size: int) -> float:
    """Pixels that `draw_text` needs from left to right."""
    return sum(font.getlength(piece) for font, piece in _pieces(text, size))


def fonts_of(text: str) -> list[bytes]:
    """WOFF fonts of just the letters of a text beyond Latin, from the fonts of packages, for a page that is read on
    machines that may have none; a letter that no package has is in none of them."""
    wanted: dict[str, str] = {}
    for letter in sorted(set(text)):
        if ord(letter) > LATIN and unicodedata.category(letter)[0] in "LM":
            source = next((source for source in _packaged() if ord(letter) in _letters_of(source)), None)
            if source is not None:
                wanted[source] = wanted.get(source, "") + letter
    return [_subset(source, letters) for source, letters in wanted.items()]


def _subset(source: str, letters: str) -> bytes:
    from fontTools import subset

    options = subset.Options(flavor="woff", layout_features=["*"], desubroutinize=True, font_number=0)
    options.drop_tables += ["FFTM"]  # a date, of which fontTools warns
    font, subsetter, buffer = subset.load_font(source, options), subset.Subsetter(options), BytesIO()
    subsetter.populate(text=letters)
    subsetter.subset(font)
    subset.save_font(font, buffer, options)
    return buffer.getvalue()


def _pieces(text: str, size: int) -> list[tuple[Font, str]]:
    """The text in pieces of one font each, in their order: marks go with their letter, blanks with what they part."""
    pieces: list[tuple[str, str]] = []
    for letter in unicodedata.normalize("NFC", text):
        source, shown = _source_of(letter), letter
        last, before = pieces[-1] if pieces else ("", "")
        if source is None:
            _warn_of(_script(letter))
            source, shown = "", "" if before.endswith(MISSING) else MISSING
        if unicodedata.category(letter)[0] == "M" and ord(letter) in _letters_of(last):
            source = last
        if len(pieces) > 1 and before.isspace() and pieces[-2][0] == source:  # or words that run leftwards would swap
            pieces[-2:] = [(source, pieces[-2][1] + before)]
            last, before = pieces[-1]
        if pieces and source == last:
            pieces[-1] = last, before + shown
        else:
            pieces.append((source, shown))
    return [(_font(source, size), piece) for source, piece in pieces]


@lru_cache(maxsize=4096)
def _source_of(letter: str) -> str | None:
    """The first font that has the letter, None where none has. "" is Pillow's own."""
    if not letter.isprintable():
        return ""
    return next((source for source in _sources() if ord(letter) in _letters_of(source)), None)


def _sources() -> Iterator[str]:
    """Pillow's own font, then files: of packages, which are the same on every machine, of matplotlib, of the system."""
    yield ""
    yield from _packaged()
    yield from _system()


@lru_cache(maxsize=1)
def _packaged() -> list[str]:
    import matplotlib as mpl

    folders = [
        Path(getattr(module.module_finder, "path", "")) / module.name
        for module in pkgutil.iter_modules()
        if module.name.startswith(FONT_PACKAGES)
    ]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".otf", ".ttf", ".ttc"))
    return [*map(str, files), str(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf")]


@lru_cache(maxsize=1)
def _system() -> list[str]:
    from matplotlib.font_manager import findSystemFonts

    return sorted(findSystemFonts())


@lru_cache(maxsize=256)
def _letters_of(source: str) -> frozenset[int]:
    """Code points that the font has; none where it cannot be used, as fonts of coloured pictures cannot."""
    from matplotlib.ft2font import FT2Font

    try:
        opened = _font(source, 12)
        data = BytesIO(opened.font_bytes) if not source and isinstance(opened, ImageFont.FreeTypeFont) else source
        return frozenset(FT2Font(data).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@lru_cache(maxsize=64)
def _font(source: str, size: int) -> Font:
    return ImageFont.truetype(source, size) if source else ImageFont.load_default(size)


def _ascent(size: int) -> int:
    font = _font("", size)
    return font.getmetrics()[0] if isinstance(font, ImageFont.FreeTypeFont) else size


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "private or unknown").split()[0].lower()
    return "symbols" if unicodedata.category(letter) == "So" else name


@lru_cache(maxsize=256)
def _warn_of(script: str) -> None:
    """Once a script."""
    log.warning(
        "No font here has letters of the script %s: pictures show %s in their place, beside the class number. Install "
        "a font that has them on this machine, or a package such as fontpkg-noto-sans-%s.",
        script,
        MISSING,
        script,
    )
